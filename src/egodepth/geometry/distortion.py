"""Lens distortion, its inverse, and the pinhole camera of the undistorted image.

A ray is given by (x, y), its point at z = 1. The distorted point is where the lens images the ray, in the same units.
Image coordinates are `camera.focal * point + camera.centre`, with or without distortion. There are two models, as
OpenCV defines and calibrates them (docs.opencv.org/4.x: "Camera Calibration and 3D Reconstruction", "Fisheye camera
model").
"""

import math
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Float32, Float64
from torch import Tensor

from egodepth.foundation.errors import InputError, require
from egodepth.geometry.camera import Camera, viewing_rays

WIDEST_EDGE_DEG = 60.0
"""Largest angle from the axis to an edge of the undistorted image. Beyond it, most pixels would be in the corners."""
_WIDEST_RAY_DEG = 80.0
"""Largest angle from the axis to a ray whose distortion is needed: the corners of such an image are at 68 degrees."""
_NEAREST_FOLD = 0.9
"""Share of the distance from the axis to a fold that an image may reach. Near the fold, it is stretched too much."""
_PROFILE_STEPS = 4096
_BORDER_STEPS = 64
_STEPS, _TOLERANCE = 300, 1e-12
"""Iterations and tolerance of OpenCV's inverse; the tolerance is in units of the points."""
_REMEDY = "calibrate it again, with views of the pattern that reach the image's corners"


class RationalLens(NamedTuple):
    """Radial (rational) and tangential distortion, in the order of OpenCV's coefficients; all zero: no distortion.

    The tangential part is from Brown 1966 ("Decentering distortion of lenses").
    """

    k1: float = 0.0
    k2: float = 0.0
    p1: float = 0.0
    p2: float = 0.0
    k3: float = 0.0
    k4: float = 0.0
    k5: float = 0.0
    k6: float = 0.0


class FisheyeLens(NamedTuple):
    """Fisheye model: the distance from the centre is a polynomial of the angle from the axis; all zero: equidistant.

    Kannala and Brandt 2006 ("A generic camera model and calibration method for conventional, wide-angle, and fish-eye
    lenses"), eq. 6, with the first coefficient in the focal length.
    """

    k1: float = 0.0
    k2: float = 0.0
    k3: float = 0.0
    k4: float = 0.0


Lens = RationalLens | FisheyeLens


def distort(rays: Float[Tensor, "*n 2"], lens: Lens) -> Float[Tensor, "*n 2"]:
    """Return the distorted points of rays."""
    return _with_slopes(rays, lens)[0].to(rays)


def undistort(points: Float[Tensor, "*n 2"], lens: Lens) -> Float[Tensor, "*n 2"]:
    """Return the rays of distorted points: the inverse of `distort`.

    Raises:
        InputError: the distortion has no inverse there, because it folds the image (points move back towards the
            centre, or the image is mirrored); or a ray would be more than 80 degrees from the axis.
    """
    import cv2

    angles, radii = _growing_branch(lens)
    exact = points.double()
    if bool((exact.norm(dim=-1) > radii[-1]).any()):
        _require_no_fold(angles)
        raise InputError(f"rays of more than {_WIDEST_RAY_DEG:.0f} degrees from the axis cannot be undistorted")
    if isinstance(lens, FisheyeLens):
        inverse = cv2.fisheye.undistortPoints
    else:  # OpenCV 5 has one function in place of two
        inverse = getattr(cv2, "undistortPointsIter", cv2.undistortPoints)
    criteria = (cv2.TERM_CRITERIA_COUNT + cv2.TERM_CRITERIA_EPS, _STEPS, _TOLERANCE)
    found = inverse(
        exact.reshape(-1, 1, 2).numpy(), np.eye(3), np.array(lens), R=np.eye(3), P=np.eye(3), criteria=criteria
    )
    rays = torch.from_numpy(found).reshape(exact.shape)
    value, turning = _with_slopes(rays, lens)
    # OpenCV does not report points where its iteration did not converge.
    require(bool(((value - exact).abs() <= 1e-7).all()), f"the distortion cannot be inverted everywhere; {_REMEDY}")
    _require_upright(turning)
    return rays.to(points)


def undistorted_camera(camera: Camera, lens: Lens) -> Camera:
    """Return the pinhole camera of the undistorted image, with the largest view that has no empty border.

    It corresponds to OpenCV's alpha = 0, but pixels keep their shape, and no edge is more than `WIDEST_EDGE_DEG` from
    the axis. Without distortion it is the camera itself. Calibrations of wide lenses with a single coefficient often
    fold only the corners of the distorted image. These corners are then cut off.

    Args:
        camera: camera of the distorted image, unbatched.
        lens: distortion of the image.

    Raises:
        InputError: the distortion folds the image.
    """
    focal, centre = camera.focal.double(), camera.centre.double()
    angles, radii = _growing_branch(lens)
    if (torch.cat([centre, 1 - centre]) / focal.repeat(2)).max() > radii[-1]:  # distances of the edges
        _require_no_fold(angles)
    # OpenCV does not invert the fisheye model beyond 90 degrees.
    furthest = min(radii[-1].item(), math.pi / 2) if isinstance(lens, FisheyeLens) else radii[-1].item()
    low, high = _inner_rectangle(focal, centre, lens, 0.98 * furthest)
    edge = math.tan(math.radians(WIDEST_EDGE_DEG))
    low, high = low.clamp(min=-edge), high.clamp(max=edge)
    require(bool(((low < 0) & (high > 0)).all()), f"the undistorted image would be empty; {_REMEDY}")
    new_focal = focal * (1 / (focal * (high - low))).max()
    found = Camera(new_focal, 0.5 - new_focal * (low + high) / 2)
    corner = (0.5 / new_focal + (low + high).abs() / 2).norm()
    if corner > _NEAREST_FOLD * angles[-1].tan():
        _require_no_fold(angles)
    batched = Camera(found.focal[None], found.centre[None])
    rays = viewing_rays(batched, (_BORDER_STEPS, _BORDER_STEPS))[0, :2].movedim(0, -1)
    _require_upright(_with_slopes(rays, lens)[1])
    return Camera(found.focal.to(camera.focal), found.centre.to(camera.centre))


def undistortion_map(
    camera: Camera, lens: Lens, undistorted: Camera, size: tuple[int, int]
) -> tuple[Float32[np.ndarray, "h w"], Float32[np.ndarray, "h w"]]:
    """Return, for each pixel of the undistorted image, its x and y in the distorted image, in pixels.

    Both images have `size` (height, width). The maps are those of `cv2.remap`: the centre of the first pixel is 0.
    """
    import cv2

    module = cv2.fisheye if isinstance(lens, FisheyeLens) else cv2
    before, after = (_matrix(one, size) for one in (camera, undistorted))
    return module.initUndistortRectifyMap(before, np.array(lens), np.eye(3), after, size[::-1], cv2.CV_32FC1)


def _matrix(camera: Camera, size: tuple[int, int]) -> Float64[np.ndarray, "3 3"]:
    """Return the camera's pixel-unit matrix, where pixel centres are whole numbers."""
    return Camera(camera.focal.double(), camera.centre.double()).to_pixels(size).numpy()


def _growing_branch(lens: Lens) -> tuple[Float[Tensor, " m"], Float[Tensor, " m"]]:
    """Return ascending angles from the axis (radians) and their distorted radii, up to where the radius stops growing.

    Only the radial distortion is used, because the tangential part of a real lens is small.
    """
    angles = torch.linspace(0, math.radians(_WIDEST_RAY_DEG), _PROFILE_STEPS, dtype=torch.float64)
    radial = lens._replace(p1=0.0, p2=0.0) if isinstance(lens, RationalLens) else lens
    radii = distort(torch.stack([angles.tan(), torch.zeros_like(angles)], -1), radial)[:, 0]
    grows = (radii.diff() > 0).int().cumprod(0)
    growing = 1 + int(grows.sum())
    return angles[:growing], radii[:growing].contiguous()


def _inner_rectangle(
    focal: Float[Tensor, "2"], centre: Float[Tensor, "2"], lens: Lens, furthest: float
) -> tuple[Float[Tensor, "2"], Float[Tensor, "2"]]:
    """Return the low and high (x, y) of the largest rectangle of rays that is inside the distorted image.

    Border points further than `furthest` from the centre are moved to this distance, because the distortion may have no
    inverse beyond it.
    """
    along = torch.linspace(0, 1, _BORDER_STEPS + 1, dtype=torch.float64)
    zero, one = torch.zeros_like(along), torch.ones_like(along)
    left, right, top, bottom = ((zero, along), (one, along), (along, zero), (along, one))
    border = (torch.stack([torch.stack(edge, -1) for edge in (left, right, top, bottom)]) - centre) / focal
    border = border * (furthest / border.norm(dim=-1, keepdim=True).clamp(min=1e-12)).clamp(max=1)
    rays = undistort(border, lens)
    low = torch.stack([rays[0, :, 0].max(), rays[2, :, 1].max()])
    high = torch.stack([rays[1, :, 0].min(), rays[3, :, 1].min()])
    return low, high


def _with_slopes(rays: Float[Tensor, "*n 2"], lens: Lens) -> tuple[Float64[Tensor, "*n 2"], Float64[Tensor, "*n"]]:
    """Return the distorted points of rays, and the Jacobian's determinant: below 0 where the image is folded."""
    import cv2

    points = np.concatenate([rays.double().reshape(-1, 2).numpy(), np.ones((rays[..., 0].numel(), 1))], 1)
    module, first = (cv2.fisheye, 11) if isinstance(lens, FisheyeLens) else (cv2, 3)  # column of x translation
    found, slopes = module.projectPoints(points[:, None], np.zeros(3), np.zeros(3), np.eye(3), np.array(lens))
    with np.errstate(all="ignore"):  # rays of a diverged inverse
        determinant = np.linalg.det(slopes.reshape(-1, 2, slopes.shape[1])[:, :, first : first + 2])
    return torch.from_numpy(found).reshape(rays.shape), torch.from_numpy(determinant).reshape(rays.shape[:-1])


def _require_no_fold(angles: Float[Tensor, " m"]) -> None:
    """Raise `InputError` if the growing branch ends in a fold."""
    if len(angles) < _PROFILE_STEPS:
        raise InputError(
            f"the distortion folds the image: beyond {math.degrees(angles[-1].item()):.0f} degrees from the axis, "
            f"points move back towards the centre; {_REMEDY}"
        )


def _require_upright(turning: Float64[Tensor, "*n"]) -> None:
    require(bool((turning > 0).all()), f"the distortion folds the image: a part of it is mirrored; {_REMEDY}")
