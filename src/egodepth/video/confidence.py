"""Confidence of a pixel's depth."""

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch.nn.functional import avg_pool2d

from egodepth.video.depth_maps import FrameMaps

DISAGREEMENT = 0.15
"""Relative difference between the depths of an image and its mirror image that reduces the confidence by 63 %."""
CONVINCING = 0.6
"""Share of the unwarped error that depth and motion must explain for full confidence."""
TEXTURE = 0.02
"""Least unwarped error at which a place can distinguish right from wrong depth: a good match has this error, too."""
_WINDOW = 5


def confidence(maps: FrameMaps) -> Float32[np.ndarray, "h w"]:
    """Return the confidence in [0, 1] of a frame's depth, at the network's size.

    It combines two cues. The first is the difference to the prediction for the mirrored image. The second are the
    neighbouring frames: warped by depth and motion, they must look more similar than unwarped. Where no neighbour sees
    a point, or nothing changes, the frame's typical value is used; a frame without neighbours has none.
    """
    doubt = maps.disagreement.astype(np.float32) / np.float32(DISAGREEMENT)
    return np.exp(-doubt) * evidence(maps)


def evidence(maps: FrameMaps) -> Float32[np.ndarray, "h w"]:
    """Return how much of the change between frames depth and motion explain: 0 nothing, 1 `CONVINCING` or more."""
    explained = explained_share(maps)
    known = np.isfinite(explained)
    if not known.any():
        return np.zeros_like(explained)
    typical = np.median(explained[known])
    return np.clip(np.where(known, explained, typical) / np.float32(CONVINCING), 0, 1)


def explained_share(maps: FrameMaps) -> Float32[np.ndarray, "h w"]:
    """Return 1 - residual / unwarped error over 5x5 pixels; NaN where no neighbour sees them, or nothing changes."""
    seen = np.isfinite(maps.residual) & np.isfinite(maps.unwarped)
    left = _summed(np.where(seen, maps.residual, 0))
    there = _summed(np.where(seen, maps.unwarped, 0))
    telling = there > TEXTURE * _summed(seen.astype(np.float32))
    return np.where(telling & seen, 1 - left / np.maximum(there, 1e-6), np.nan).astype(np.float32)


def _summed(values: Float[np.ndarray, "h w"]) -> Float32[np.ndarray, "h w"]:
    """Return the sum over the window around each pixel, as far as it is inside the image."""
    whole = torch.from_numpy(values.astype(np.float32))[None, None]
    return _WINDOW**2 * avg_pool2d(whole, _WINDOW, 1, _WINDOW // 2)[0, 0].numpy()
