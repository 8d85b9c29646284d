"""Whether a camera has moved or only turned: a turn moves near and far alike, and shows nothing of depth."""

import numpy as np
from jaxtyping import Float, Float32

from egodepth.data.footage.motion import Flow

FOCALS = (0.5, 0.75, 1.1, 2.0)
"""Focal lengths that are tried, shares of the width, as the camera is not known: fields of view of 90, 67, 49, 28°."""
_ITERATIONS = 6


def parallax(flow: Flow) -> float:
    """What no turn of the camera explains, median as of `Flow.displacement`, share of the width; infinite if not known.

    The turn is fitted to the flow so that the sum of the lengths left over is least: what moves by itself in front of a
    turning camera changes little. A camera that moves along one wall square to it passes for one that turns.
    """
    if not flow.known:
        return float("inf")
    return min(flow.of_all(_left_over(flow.position, flow.shift, focal)) for focal in FOCALS)


def turn_flow(position: Float32[np.ndarray, "n 2"], focal: float) -> Float[np.ndarray, "n 2 3"]:
    """Shift of points by a pan and a tilt, that each take the middle of the image by 1, and a roll by one radian.

    Longuet-Higgins and Prazdny 1980, in shares of the image's width: to first order in the angles.
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
    """Lengths that the best turn leaves, by least squares whose weights make it the sum of lengths."""
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
