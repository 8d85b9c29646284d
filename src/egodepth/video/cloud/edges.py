"""Flying pixels: depth that hangs between two surfaces because a network smeared the edge between them.

Inverse depth of a plane is an exactly linear function of the pixel, however slanted the plane. A road seen at a
grazing angle therefore has steep inverse depth, but equally steep on both sides; a smeared edge is steeper than what is
on both sides of it.
"""

import numpy as np
from jaxtyping import Bool, Float32


def slope(inverse_depth: Float32[np.ndarray, "h w"], axis: int) -> Float32[np.ndarray, "h w"]:
    """Change from pixel to pixel along an axis: the smaller of the two sides, 0 where they differ in sign.

    So a pixel beside a sharp edge has the slope of its own surface (the `minmod` limiter).
    """
    change = np.diff(inverse_depth, axis=axis)
    ends = [(0, 0), (0, 0)]
    ends[axis] = (1, 1)
    # Edge mode: the first and the last pixel have one side only, which then counts twice.
    padded = np.pad(change, ends, mode="edge")
    before, after = _sides(padded, axis, 1)
    smaller = np.where(np.abs(before) < np.abs(after), before, after)
    return np.where((before > 0) == (after > 0), smaller, np.float32(0))


def flying_pixels(
    inverse_depth: Float32[np.ndarray, "h w"],
    slopes: tuple[Float32[np.ndarray, "h w"], Float32[np.ndarray, "h w"]],
    limit: float,
    edge_px: int,
) -> Bool[np.ndarray, "h w"]:
    """Where the slope, relative to the value itself, exceeds the slopes on both sides by more than `limit`.

    Args:
        inverse_depth: 0 where nothing is known.
        slopes: down and to the right, of `slope`.
        limit: share of depth from pixel to pixel.
        edge_px: the sides looked at are half as far, and as far, away.
    """
    bound = inverse_depth * np.float32(limit)
    found = np.zeros(inverse_depth.shape, bool)
    for axis, values in enumerate(slopes):
        for step in sorted({max(edge_px // 2, 1), edge_px}):
            ends = [(0, 0), (0, 0)]
            ends[axis] = (step, step)
            before, after = _sides(np.pad(values, ends, mode="edge"), axis, 2 * step)
            rising, falling = values - np.maximum(before, after), np.minimum(before, after) - values
            found |= np.where(values > 0, rising, falling) > bound
    return found


def _sides(padded: np.ndarray, axis: int, apart: int) -> tuple[np.ndarray, np.ndarray]:
    """What lies before and after each pixel, `apart` from one another."""
    return (padded[:-apart], padded[apart:]) if axis == 0 else (padded[:, :-apart], padded[:, apart:])
