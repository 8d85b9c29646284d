"""What is nearer in one sample of a batch, in front of another: cars stand where none ever stood.

A window says which columns of a sample are pasted over (left and right, shares of the width; none if they are equal),
how far to the right the other sample is moved, and whether it is mirrored (1).
"""

import numpy as np
import torch
from jaxtyping import Float, Num
from torch import Tensor

from egodepth.data.sampler import RawBatch

_NEARER = 1.05
"""Ratio of inverse depths from which one surface hides the other."""


def drawn_windows(generator: np.random.Generator, batch_size: int, chance: float) -> Float[np.ndarray, "b 4"]:
    """Windows that lie where the moved sample has columns; `chance` is the probability of one."""
    drawn = generator.random((batch_size, 5))
    width, shift = 0.15 + 0.45 * drawn[:, 1], drawn[:, 2] - 0.5
    first, last = np.maximum(shift, 0), 1 + np.minimum(shift, 0)
    left = first + drawn[:, 3] * np.maximum(last - first - width, 0)
    right = np.where(drawn[:, 0] < chance, np.minimum(left + width, last), left)
    return np.stack([left, right, shift, drawn[:, 4] < 0.5], 1)


def pasted(raw: RawBatch, windows: Float[Tensor, "b 4"]) -> RawBatch:
    """The batch with what is nearer in the next sample in front of each sample: cars stand where none ever stood.

    A sample that is moved sideways sees the ground at the same depth in the same rows, as after a turn of the camera.
    What is pasted has the same place in all frames of a sample, as what moves along with the camera: the auto-mask
    leaves it out, hints teach its depth. Only samples are joined whose hints are in the unit that all share.
    """
    left, right, shift, mirrored = windows.to(raw.images.device).T[..., None]
    if raw.hints is None or not bool((windows[:, 1] > windows[:, 0]).any()):
        return raw
    b, _, h, w, _ = raw.images.shape
    other, column = torch.arange(b, device=raw.images.device).roll(-1), torch.arange(w, device=raw.images.device)
    from_column = column - (shift * w).round().long()
    inside = (from_column >= 0) & (from_column < w) & (column >= left * w) & (column < right * w)
    from_column = torch.where(mirrored > 0, w - 1 - from_column, from_column).clamp(0, w - 1)
    known = raw.hints.scale_known & raw.hints.scale_known[other] & (raw.focal == raw.focal[other]).all(1)

    def moved(maps: Num[Tensor, "b h w *c"]) -> Num[Tensor, "b h w *c"]:
        return maps[other[:, None, None], torch.arange(h, device=maps.device)[:, None], from_column[:, None]]

    behind, front = raw.hints.inverse_depth, moved(raw.hints.inverse_depth)
    covered = (inside & known[:, None])[:, None] & (behind > 0) & (front > _NEARER * behind)
    images = torch.where(covered[:, None, :, :, None], moved(raw.images[:, 0])[:, None], raw.images)
    hints = raw.hints._replace(
        inverse_depth=torch.where(covered, front, behind),
        weight=torch.where(covered, moved(raw.hints.weight), raw.hints.weight),
    )
    return raw._replace(images=images, hints=hints)
