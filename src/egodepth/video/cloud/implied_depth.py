"""The depth of a view's pixels that another view implies."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int

from egodepth.video.cloud.edges import slope

_LEAST_ALONG = np.float32(0.1)
"""Least cosine of the angle between two views. Views at nearly a right angle say little about each other's depth."""


class Surface(NamedTuple):
    """Inverse depth of a view and its slopes; pixels are numbered row by row."""

    size: tuple[int, int]
    inverse_depth: Float32[np.ndarray, "hw"]
    """0 where unknown."""
    down: Float32[np.ndarray, "hw"]
    right: Float32[np.ndarray, "hw"]
    """Change of the inverse depth per pixel."""

    @classmethod
    def of(cls, inverse_depth: Float32[np.ndarray, "h w"]) -> "Surface":
        """Return the surface of a map."""
        down, right = slope(inverse_depth, 0), slope(inverse_depth, 1)
        height, width = inverse_depth.shape
        return cls((height, width), inverse_depth.ravel(), down.ravel(), right.ravel())


def homogeneous_pixels(size: tuple[int, int]) -> Float32[np.ndarray, "3 hw"]:
    """Return (column, row, 1) of every pixel, row by row."""
    rows, columns = np.indices(size, dtype=np.float32)
    return np.stack([columns.ravel(), rows.ravel(), np.ones(rows.size, np.float32)])


def implied_change(
    other: Surface,
    other_from_this: Float64[np.ndarray, "4 4"],
    pixels: Float32[np.ndarray, "3 n"],
    depth: Float32[np.ndarray, "n"],
    intrinsics: Float64[np.ndarray, "3 3"],
) -> tuple[Float32[np.ndarray, "n"], Int[np.ndarray, "n"]]:
    """Return the relative change of depth that another view implies, NaN where it sees nothing; and its pixels there.

    Args:
        other: what the other view sees.
        other_from_this: its pose.
        pixels: (column, row, 1) of some pixels of this view.
        depth: their depth.
        intrinsics: the matrix of both views, in pixels.
    """
    turned = intrinsics @ other_from_this[:3, :3] @ np.linalg.inv(intrinsics)
    moved = intrinsics @ other_from_this[:3, 3]
    direction = turned.astype(np.float32) @ pixels
    column, row, there = direction * depth + moved.astype(np.float32)[:, None]
    seen, inside, index = _seen(other, column, row, there)
    # The error there, as a length along the axis here: divided by the ray's length along the axis there.
    along = np.maximum(direction[2], _LEAST_ALONG) * depth
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(inside & (seen > 0), (1 / seen - there) / along, np.float32(np.nan)), index


def _seen(
    surface: Surface, column: Float32[np.ndarray, "n"], row: Float32[np.ndarray, "n"], depth: Float32[np.ndarray, "n"]
) -> tuple[Float32[np.ndarray, "n"], Bool[np.ndarray, "n"], Int[np.ndarray, "n"]]:
    """Return the inverse depth at points (column and row times `depth`), whether it is known, and the nearest pixels.

    It uses the nearest pixel and its slopes: exact on planes, and never a mixture of two surfaces.
    """
    height, width = surface.size
    ahead = depth > 0
    scale = 1 / np.where(ahead, depth, np.float32(1))
    column, row = column * scale, row * scale
    inside = ahead & (column > -0.5) & (column < width - 0.5) & (row > -0.5) & (row < height - 0.5)
    column, row = np.where(inside, column, np.float32(0)), np.where(inside, row, np.float32(0))
    nearest_column, nearest_row = np.rint(column), np.rint(row)
    index = (nearest_row * width + nearest_column).astype(np.intp)
    value = surface.inverse_depth[index]
    inside &= value > 0
    slopes = surface.right[index] * (column - nearest_column) + surface.down[index] * (row - nearest_row)
    return value + slopes, inside, index
