"""Frames of a lens with distortion as a pinhole camera would have seen them."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn.functional import grid_sample

from egodepth.data.cameras import check_camera
from egodepth.foundation.errors import InputError
from egodepth.geometry.camera import Camera
from egodepth.geometry.distortion import Lens, undistorted_camera, undistortion_map

_Numbers = tuple[float, float, float, float]


@dataclass(frozen=True)
class Undistortion:
    """From the images of one camera and size to those of a pinhole camera, of the same size, without empty border."""

    camera: Camera
    """The pinhole camera of the undistorted images."""
    distorted: Camera
    lens: Lens
    size: tuple[int, int]
    """(height, width)."""

    @classmethod
    def of(cls, distorted: Camera, lens: Lens, size: tuple[int, int], source: str | Path) -> "Undistortion":
        """For images of `size` (height, width); `source` is the camera file.

        Raises:
            InputError: the distortion cannot be undone, or leaves no camera that can be used.
        """
        try:
            camera = _pinhole(_numbers(distorted), lens)
        except InputError as error:
            raise InputError(f"{source}: {error}") from error
        return cls(check_camera(camera, size, f"{source}, undistorted"), distorted, lens, size)

    def __call__(self, image: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h w 3"]:
        """Undistort an image, bilinear."""
        grid = _grid(_numbers(self.distorted), self.lens, _numbers(self.camera), self.size)
        # Half a grey level more, so that cutting off rounds; channel by channel, which numpy does faster than torch.
        planes = np.add(np.ascontiguousarray(image.transpose(2, 0, 1)), np.float32(0.5))
        sampled = grid_sample(
            torch.from_numpy(planes)[None], grid, mode="bilinear", padding_mode="border", align_corners=False
        )
        return np.stack(tuple(sampled[0].to(torch.uint8).numpy()), -1)


# Clips of one camera share what is worked out for it, and of many cameras not all is kept.
@lru_cache(maxsize=256)
def _pinhole(distorted: _Numbers, lens: Lens) -> Camera:
    return undistorted_camera(_camera(distorted), lens)


@lru_cache(maxsize=8)
def _grid(distorted: _Numbers, lens: Lens, camera: _Numbers, size: tuple[int, int]) -> Float[Tensor, "1 h w 2"]:
    """Where to sample, in `grid_sample`'s coordinates of -1 to 1."""
    return (2 * undistortion_map(_camera(distorted), lens, _camera(camera), size) - 1)[None]


def _numbers(camera: Camera) -> _Numbers:
    """What tells cameras apart: tensors do not."""
    (fx, fy), (cx, cy) = camera.focal.tolist(), camera.centre.tolist()
    return fx, fy, cx, cy


def _camera(numbers: _Numbers) -> Camera:
    fx, fy, cx, cy = numbers
    return Camera(torch.tensor([fx, fy]), torch.tensor([cx, cy]))
