"""The common result of every camera file: a camera in pixels and the distortion of its lens."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch

from egodepth.data.cameras.plausibility import FISHEYE_FOCAL_WIDTHS, FOCAL_WIDTHS, check_aspect, check_camera
from egodepth.foundation.errors import InputError
from egodepth.geometry.camera import Camera
from egodepth.geometry.distortion import FisheyeLens, Lens, RationalLens

_RATIONAL = ("opencv", "plumb_bob", "rational_polynomial", "radtan", "radial-tangential")
_FISHEYE = ("fisheye", "equidistant", "kannala_brandt")
RADIAL_NAMES = ("k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6")
"""Names of OpenCV's coefficients in its order."""
FISHEYE_NAMES = ("k1", "k2", "k3", "k4")
_OPENCV_COUNTS = (4, 5, 8, 12, 14)
MOST_SIDE = 1_000_000
"""Longest possible side of an image, in pixels."""
_LARGEST_COEFFICIENT = 1e6


class PixelCamera(NamedTuple):
    """A camera in pixels, as in OpenCV: the centre of the first pixel is 0."""

    fx: float
    fy: float
    cx: float
    cy: float
    size: tuple[int, int] | None = None
    """(height, width) of the images that the camera belongs to, if the file gives it."""
    lens: Lens | None = None
    """None without distortion."""

    def normalised(self, images: tuple[int, int], source: str | Path) -> Camera:
        """Return a checked `Camera` for images of (height, width). With distortion, it belongs to the distorted images.

        Raises:
            InputError: images of another aspect ratio, or an implausible camera.
        """
        height, width = self.size or images
        if not (1 <= height < MOST_SIDE and 1 <= width < MOST_SIDE):
            raise InputError(f"{source}: size {width:g}x{height:g}; give the width and height of the images in pixels")
        if self.lens and not all(abs(coefficient) < _LARGEST_COEFFICIENT for coefficient in self.lens):
            raise InputError(
                f"{source}: the distortion has a value that is not a finite number, or huge; calibrate it again"
            )
        check_aspect((height, width), images, source)
        matrix = torch.tensor([[self.fx, 0, self.cx], [0, self.fy, self.cy], [0, 0, 1]], dtype=torch.float64)
        camera = Camera.from_pixels(matrix, (height, width))
        widths = FISHEYE_FOCAL_WIDTHS if isinstance(self.lens, FisheyeLens) else FOCAL_WIDTHS
        return check_camera(Camera(camera.focal.float(), camera.centre.float()), (height, width), source, widths)


def camera_of_matrix(
    matrix: Sequence[float], source: str | Path, size: tuple[int, int] | None = None, lens: Lens | None = None
) -> PixelCamera:
    """Return the camera of the nine numbers of a matrix K, row by row.

    Raises:
        InputError: they are not the numbers of a camera without skew.
    """
    fx, skew, cx, zero, fy, cy, *last = matrix
    if last != [0, 0, 1] or zero != 0 or not abs(skew) <= 1e-3 * abs(fx):
        raise InputError(
            f"{source}: {', '.join(f'{value:g}' for value in matrix)} is not a camera matrix; give fx 0 cx, 0 fy cy, "
            "0 0 1, in pixels"
        )
    return PixelCamera(fx, fy, cx, cy, size, lens)


def is_fisheye(model: str) -> bool:
    """Whether the name of a distortion model means the fisheye (Kannala and Brandt 2006)."""
    return model.strip().lower() in _FISHEYE


def is_lens(model: object) -> bool:
    """Whether a value is the name of a distortion model."""
    return isinstance(model, str) and model.strip().lower() in (*_RATIONAL, *_FISHEYE)


def lens_of(model: str, coefficients: Sequence[float], source: str | Path) -> Lens | None:
    """Return the lens with these coefficients in OpenCV's order; None without distortion.

    Args:
        model: the name of the model in OpenCV, ROS and other programs.
        coefficients: k1 k2 p1 p2 [k3 [k4 k5 k6]], or for a fisheye k1 k2 k3 k4.
        source: the file to name in messages.

    Raises:
        InputError: an unknown model, or a wrong number of coefficients.
    """
    numbers = ", ".join(f"{value:g}" for value in coefficients)
    name = model.strip().lower()
    if name in _FISHEYE:
        if len(coefficients) != 4:
            raise InputError(f"{source}: {len(coefficients)} coefficients of a fisheye; give the four k1 k2 k3 k4")
        return FisheyeLens(*coefficients)
    if not coefficients:
        return None
    if name not in _RATIONAL:
        known = ", ".join((*_RATIONAL, *_FISHEYE))
        raise InputError(f"{source}: unknown distortion model '{model}'; there are: {known}")
    if len(coefficients) not in _OPENCV_COUNTS or any(coefficients[8:]):
        raise InputError(
            f"{source}: distortion {numbers} is not k1 k2 p1 p2 [k3 [k4 k5 k6]]; give 4, 5 or 8 coefficients in "
            "OpenCV's order (thin prisms and tilted sensors are not understood)"
        )
    return RationalLens(*coefficients[:8]) if any(coefficients) else None
