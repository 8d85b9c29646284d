"""Undistort frames: convert images of a lens with distortion to images of a pinhole camera."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32, UInt8

from egodepth.data.cameras import check_camera
from egodepth.foundation.errors import InputError
from egodepth.geometry.camera import Camera
from egodepth.geometry.distortion import Lens, undistorted_camera, undistortion_map

_Numbers = tuple[float, float, float, float]


@dataclass(frozen=True)
class Undistortion:
    """Undistortion for images of one camera and size; the results have the same size and no empty border."""

    camera: Camera
    """Pinhole camera of the undistorted images."""
    distorted: Camera
    lens: Lens
    size: tuple[int, int]
    """(height, width)."""

    @classmethod
    def of(cls, distorted: Camera, lens: Lens, size: tuple[int, int], source: str | Path) -> "Undistortion":
        """Return the undistortion for images of `size` (height, width); `source` is the camera file, for messages.

        Raises:
            InputError: the distortion cannot be inverted, or the undistorted camera is not usable.
        """
        try:
            camera = _pinhole(_numbers(distorted), lens)
        except InputError as error:
            raise InputError(f"{source}: {error}") from error
        return cls(check_camera(camera, size, f"{source}, undistorted"), distorted, lens, size)

    def __call__(self, image: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h w 3"]:
        """Return the undistorted image (bilinear interpolation)."""
        import cv2

        x, y = _map(_numbers(self.distorted), self.lens, _numbers(self.camera), self.size)
        return cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


# Clips of the same camera share the result. The cache is limited for data sets with many cameras.
@lru_cache(maxsize=256)
def _pinhole(distorted: _Numbers, lens: Lens) -> Camera:
    return undistorted_camera(_camera(distorted), lens)


@lru_cache(maxsize=8)
def _map(
    distorted: _Numbers, lens: Lens, camera: _Numbers, size: tuple[int, int]
) -> tuple[Float32[np.ndarray, "h w"], Float32[np.ndarray, "h w"]]:
    return undistortion_map(_camera(distorted), lens, _camera(camera), size)


def _numbers(camera: Camera) -> _Numbers:
    """Return the camera as a key for the caches; tensors cannot be keys."""
    (fx, fy), (cx, cy) = camera.focal.tolist(), camera.centre.tolist()
    return fx, fy, cx, cy


def _camera(numbers: _Numbers) -> Camera:
    fx, fy, cx, cy = numbers
    return Camera(torch.tensor([fx, fy]), torch.tensor([cx, cy]))
