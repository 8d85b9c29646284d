"""Flying pixels: depth between two surfaces, where a network smeared the edge between them.

The inverse depth of a plane is an exactly linear function of the pixel, however slanted the plane. A road seen at a
grazing angle has steep inverse depth, but equally steep on both sides. A smeared edge is steeper than both sides of it.
"""

import numpy as np
from jaxtyping import Bool, Float32


def slope(inverse_depth: Float32[np.ndarray, "h w"], axis: int) -> Float32[np.ndarray, "h w"]:
    """Return the change per pixel along an axis: the smaller of the two sides, 0 if they differ in sign.

    So a pixel beside a sharp edge has the slope of its own surface (the `minmod` limiter).
    """
    change = np.diff(inverse_depth, axis=axis)
    ends = [(0, 0), (0, 0)]
    ends[axis] = (1, 1)
    # Edge mode: the first and the last pixel have only one side, which is used twice.
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
    """Return where the slope, relative to the value itself, exceeds the slopes on both sides by more than `limit`.

    Args:
        inverse_depth: 0 where unknown.
        slopes: from `slope`, down and to the right.
        limit: share of depth per pixel.
        edge_px: distance of the sides that are compared; half of it is used, too.
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


def _sides(padded: np.ndarray, axis: int, offset: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the values before and after each pixel, at a distance of `offset` from each other."""
    return (padded[:-offset], padded[offset:]) if axis == 0 else (padded[:, :-offset], padded[:, offset:])
