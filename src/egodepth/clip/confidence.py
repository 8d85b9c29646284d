"""How far a pixel's depth is to be trusted."""

import numpy as np
from jaxtyping import Float, Float32

from egodepth.clip.maps import FrameMaps

DISAGREEMENT = 0.15
"""Relative difference between the depths of an image and of its mirror image that takes 63 % of the confidence."""
RESIDUAL = 0.3
"""Photometric error that does; a good match leaves 0.02 to 0.06."""


def confidence(maps: FrameMaps) -> Float32[np.ndarray, "h w"]:
    """Confidence in [0, 1] of a frame's depth, at the size of the network.

    Two witnesses: the network itself, asked about the mirror image as well, and the neighbouring frames, which look
    alike where depth and motion are right. Where no neighbour sees a point, the first one alone counts.
    """
    return _faith(maps.disagreement, DISAGREEMENT) * _faith(np.nan_to_num(maps.residual, nan=0.0), RESIDUAL)


def _faith(doubt: Float[np.ndarray, "h w"], unit: float) -> Float32[np.ndarray, "h w"]:
    return np.exp(-doubt.astype(np.float32) / np.float32(unit))
