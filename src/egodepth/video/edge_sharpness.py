"""Sharpness of depth edges, to show that a filter does not soften them."""

import numpy as np
import torch
from jaxtyping import Bool, Float32
from torch.nn.functional import max_pool2d

_STEEPEST = 0.97
"""Quantile of the slopes from which on a pixel may be on an edge."""


def edge_slopes(before: Float32[np.ndarray, "h w"], after: Float32[np.ndarray, "h w"]) -> tuple[float, float]:
    """Return the mean slope of log depth per pixel at the edges of a map, before and after it was changed.

    Edges are the steepest pixels before the change that are also the steepest across their edge. At each, the largest
    slope within one pixel counts, so that an edge may move by as much.
    """
    slopes = _slope(before)
    size = np.hypot(*slopes)
    edge = _ridge(*slopes) & (size >= np.quantile(size, _STEEPEST))
    first, second = (float(_largest_near(each)[edge].mean()) for each in (size, np.hypot(*_slope(after))))
    return first, second


def _slope(inverse_depth: Float32[np.ndarray, "h w"]) -> tuple[Float32[np.ndarray, "h w"], Float32[np.ndarray, "h w"]]:
    """Return the central differences of log depth, down and to the right."""
    down, right = np.gradient(np.log(inverse_depth))
    return down, right


def _ridge(down: Float32[np.ndarray, "h w"], right: Float32[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """Return where the slope is at least that of both neighbours across the edge."""
    size = np.hypot(down, right)
    padded = np.pad(size, 1, mode="edge")
    across_rows = (size >= padded[:-2, 1:-1]) & (size >= padded[2:, 1:-1])
    across_columns = (size >= padded[1:-1, :-2]) & (size >= padded[1:-1, 2:])
    return np.where(np.abs(down) > np.abs(right), across_rows, across_columns)


def _largest_near(values: Float32[np.ndarray, "h w"]) -> Float32[np.ndarray, "h w"]:
    return max_pool2d(torch.from_numpy(values)[None, None], 3, 1, 1)[0, 0].numpy()
