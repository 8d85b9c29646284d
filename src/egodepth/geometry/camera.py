"""Pinhole cameras in normalised image coordinates.

The convention: u and v run from 0 to 1, edge to edge; the centre of pixel (row i, column j) of an h x w image is u = (j
+ 0.5) / w, v = (i + 0.5) / h. A camera therefore does not change when its image is resized. Camera axes are x right, y
down, z forward; `depth` is z. Pixel units (OpenCV: the first pixel's centre is 0) exist only in `Camera.from_pixels`
and `Camera.to_pixels`.
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from egodepth.foundation.errors import require


class Camera(NamedTuple):
    """A pinhole camera; both fields are (x, y) in units of the image's width and height."""

    focal: Float[Tensor, "*b 2"]
    centre: Float[Tensor, "*b 2"]

    @classmethod
    def from_pixels(cls, matrix: Float[Tensor, "*b 3 3"], size: tuple[int, int]) -> "Camera":
        """Return the camera of a pixel-unit matrix K (OpenCV: the first pixel's centre is 0) for (height, width).

        Example:
            >>> K = torch.tensor([[100.0, 0.0, 49.5], [0.0, 100.0, 24.5], [0.0, 0.0, 1.0]])
            >>> Camera.from_pixels(K, (50, 100))
            Camera(focal=tensor([1., 2.]), centre=tensor([0.5000, 0.5000]))
        """
        matrix = torch.as_tensor(matrix)
        height, width = size
        scale = matrix.new_tensor([width, height])
        focal = torch.stack([matrix[..., 0, 0], matrix[..., 1, 1]], -1) / scale
        centre = (matrix[..., :2, 2] + 0.5) / scale
        return cls(focal, centre)

    @classmethod
    def from_fov(cls, fov_deg: float, size: tuple[int, int]) -> "Camera":
        """Return the camera of a horizontal field of view and a size (height, width): square pixels, central axis.

        Raises:
            InputError: a field of view that no pinhole camera has.
        """
        require(0 < fov_deg < 180, f"a field of view of {fov_deg:g} degrees: give more than 0 and less than 180")
        focal = focal_of_fov(fov_deg)
        return cls(torch.tensor([focal, focal * size[1] / size[0]]), torch.tensor([0.5, 0.5]))

    def to_pixels(self, size: tuple[int, int]) -> Float[Tensor, "*b 3 3"]:
        """Return the pixel-unit matrix K for an image of size (height, width); the inverse of `from_pixels`."""
        scale = self.focal.new_tensor([size[1], size[0]])
        matrix = self.focal.new_zeros(*self.focal.shape[:-1], 3, 3)
        focal = self.focal * scale
        matrix[..., 0, 0], matrix[..., 1, 1] = focal[..., 0], focal[..., 1]
        matrix[..., :2, 2] = self.centre * scale - 0.5
        matrix[..., 2, 2] = 1
        return matrix

    def mirrored(self) -> "Camera":
        """Return the camera of the image flipped left to right."""
        sign, offset = self.centre.new_tensor([-1.0, 1.0]), self.centre.new_tensor([1.0, 0.0])
        return Camera(self.focal, self.centre * sign + offset)


def focal_of_fov(fov_deg: float, width: int | float = 1.0) -> float:
    """Return the focal length, in the unit of `width`, of a central camera with this horizontal field of view."""
    return 0.5 * width / math.tan(math.radians(fov_deg) / 2)


def image_grid(size: tuple[int, int], like: Tensor) -> Float[Tensor, "2 h w"]:
    """Return the normalised (u, v) of every pixel centre, in the dtype and on the device of `like`."""
    height, width = size
    v = (torch.arange(height, dtype=like.dtype, device=like.device) + 0.5) / height
    u = (torch.arange(width, dtype=like.dtype, device=like.device) + 0.5) / width
    return torch.stack([u.expand(height, width), v[:, None].expand(height, width)])


def viewing_rays(camera: Camera, size: tuple[int, int]) -> Float[Tensor, "b 3 h w"]:
    """Return every pixel's direction with z = 1: depth times ray is the point (K^-1 p, Zhou et al. 2017, eq. 2)."""
    grid = image_grid(size, camera.focal)
    xy = (grid - camera.centre[..., None, None]) / camera.focal[..., None, None]
    return torch.cat([xy, torch.ones_like(xy[..., :1, :, :])], -3)


def backproject(depth: Float[Tensor, "b h w"], camera: Camera) -> Float[Tensor, "b 3 h w"]:
    """Return the points (x, y, z) of every pixel in the camera's axes, in the units of `depth`.

    Example:
        >>> camera = Camera(focal=torch.tensor([[1.0, 1.0]]), centre=torch.tensor([[0.5, 0.5]]))
        >>> backproject(torch.tensor([[[4.0, 4.0]]]), camera)[0, :, 0]  # an image of 1x2 pixels
        tensor([[-1.,  1.],
                [ 0.,  0.],
                [ 4.,  4.]])
    """
    return depth[:, None] * viewing_rays(camera, (depth.shape[-2], depth.shape[-1]))


def project(points: Float[Tensor, "b 3 h w"], camera: Camera, nearest: float = 1e-3) -> Float[Tensor, "b 2 h w"]:
    """Return the normalised (u, v) of points in the camera's axes.

    Points nearer than `nearest`, also those behind the camera, are divided by `nearest`. Their coordinates stay finite,
    far outside the image or at its border, and do not flip to the other side.

    Example:
        >>> camera = Camera(focal=torch.tensor([[1.0, 1.0]]), centre=torch.tensor([[0.5, 0.5]]))
        >>> project(torch.tensor([1.0, 0.0, 4.0]).view(1, 3, 1, 1), camera).flatten()
        tensor([0.7500, 0.5000])
    """
    xy = points[:, :2] / points[:, 2:].clamp(min=nearest)
    return xy * camera.focal[..., None, None] + camera.centre[..., None, None]
