"""Measure whether a camera moved or only rotated. A rotation shows no parallax, so it gives no depth."""

import numpy as np
from jaxtyping import Float, Float32

from egodepth.data.footage.motion import Flow

FOCALS = (0.5, 0.75, 1.1, 2.0)
"""Focal lengths to try, as shares of the width, because the camera is unknown: fields of view of 90, 67, 49, 28°."""
_ITERATIONS = 6


def parallax(flow: Flow) -> float:
    """Return the median motion that no rotation explains, as share of the width; infinite if unknown.

    The rotation minimises the sum of the residual lengths, so moving objects before a rotating camera change little. A
    camera that faces a single wall and moves parallel to it looks like a rotating one.
    """
    if not flow.known:
        return float("inf")
    return min(flow.of_all(_left_over(flow.position, flow.shift, focal)) for focal in FOCALS)


def turn_flow(position: Float32[np.ndarray, "n 2"], focal: float) -> Float[np.ndarray, "n 2 3"]:
    """Return the flow of points for unit pan, tilt and roll.

    Unit pan and tilt move the image centre by 1; the unit of roll is 1 radian.
    Longuet-Higgins and Prazdny 1980, in shares of the image's width, to first order in the angles.
    """
    x, y = position.T.astype(np.float64)
    bend = np.stack([x * x, x * y, y * y]) / focal**2
    return np.stack(
        [np.stack([1 + bend[0], bend[1], -y], -1), np.stack([bend[1], 1 + bend[2], x], -1)],
        1,
    )


def _left_over(
    position: Float32[np.ndarray, "n 2"], shift: Float32[np.ndarray, "n 2"], focal: float
) -> Float[np.ndarray, " n"]:
    """Return the residual lengths after the best rotation, by iteratively reweighted least squares (L1 norm)."""
    model = turn_flow(position, focal)
    weight = np.ones(len(shift))
    left = np.hypot(*shift.T).astype(np.float64)
    for _ in range(_ITERATIONS):
        root = np.sqrt(weight)[:, None]
        design = (model * root[..., None]).reshape(-1, 3)
        solution = np.linalg.lstsq(design, (shift * root).reshape(-1), rcond=None)[0]
        left = np.hypot(*(shift - model @ solution).T)
        weight = 1 / np.maximum(left, 1e-5)
    return left
