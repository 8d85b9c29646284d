"""How far a pixel's depth is to be trusted."""

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch.nn.functional import avg_pool2d

from egodepth.video.depth_maps import FrameMaps

DISAGREEMENT = 0.15
"""Relative difference between the depths of an image and of its mirror image that takes 63 % of the confidence."""
CONVINCING = 0.6
"""Share of the unwarped error that depth and motion have to explain for full confidence."""
TEXTURE = 0.02
"""Unwarped error from which a place can tell right depth from wrong: a good match leaves as much."""
_WINDOW = 5


def confidence(maps: FrameMaps) -> Float32[np.ndarray, "h w"]:
    """Confidence in [0, 1] of a frame's depth, at the size of the network.

    Two witnesses: the network itself, asked about the mirror image as well, and the neighbouring frames. These, warped
    by depth and motion, have to look more alike than they do as they are. Where no neighbour sees a point, or nothing
    changes, the frame's typical evidence counts; a frame without neighbours has none.
    """
    doubt = maps.disagreement.astype(np.float32) / np.float32(DISAGREEMENT)
    return np.exp(-doubt) * evidence(maps)


def evidence(maps: FrameMaps) -> Float32[np.ndarray, "h w"]:
    """How much of what changes between the frames is explained by depth and motion: 0 nothing, 1 `CONVINCING` of it."""
    explained = explained_share(maps)
    known = np.isfinite(explained)
    if not known.any():
        return np.zeros_like(explained)
    typical = np.median(explained[known])
    return np.clip(np.where(known, explained, typical) / np.float32(CONVINCING), 0, 1)


def explained_share(maps: FrameMaps) -> Float32[np.ndarray, "h w"]:
    """1 - residual / unwarped error, of 5x5 pixels together; NaN where no neighbour sees them, or nothing changes."""
    seen = np.isfinite(maps.residual) & np.isfinite(maps.unwarped)
    left = _summed(np.where(seen, maps.residual, 0))
    there = _summed(np.where(seen, maps.unwarped, 0))
    telling = there > TEXTURE * _summed(seen.astype(np.float32))
    return np.where(telling & seen, 1 - left / np.maximum(there, 1e-6), np.nan).astype(np.float32)


def _summed(values: Float[np.ndarray, "h w"]) -> Float32[np.ndarray, "h w"]:
    """Over the window around each pixel, as far as the image goes."""
    whole = torch.from_numpy(values.astype(np.float32))[None, None]
    return _WINDOW**2 * avg_pool2d(whole, _WINDOW, 1, _WINDOW // 2)[0, 0].numpy()
