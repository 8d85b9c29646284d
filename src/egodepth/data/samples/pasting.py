"""Copy-paste augmentation: paste objects on the ground from one sample of a batch in front of another.

A window has five values: the left and right border of the columns that may be covered (shares of the width; equal for
no pasting), the shift of the other sample to the right, whether it is mirrored (1), and whether only the part below the
horizon is pasted (1), that is, cars without the houses behind them. Several windows are drawn for each sample. The one
that covers most of the middle is used, because recordings from a road mostly show empty road there.
"""

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64, Num
from torch import Tensor

from egodepth.data.samples.sampler import RawBatch

_NEARER = 1.05
"""A surface occludes another one if the ratio of their inverse depths is above this."""
_STANDS = 1.25
"""A pixel is on an object if the ratio of its inverse depth to that of the ground in its row is above this."""
_HORIZON = 0.03
"""Approximate ratio of the ground's inverse depth at the horizon to that in the last row."""
_TRIES = 8
_LEAST, _MOST = 0.01, 0.35
"""Limits of the covered share of the middle: less shows nothing, and more looks like a wall across the road."""
_COARSE = 4
"""Step of rows and columns for the choice of a window and the search for the ground."""


def drawn_windows(generator: np.random.Generator, batch_size: int, chance: float) -> Float[np.ndarray, "b t 5"]:
    """Return candidate windows of each sample; `chance` is the probability that a sample is pasted on."""
    chosen = generator.random((batch_size, 1)) < chance
    drawn = generator.random((batch_size, _TRIES, 5))
    width, shift = 0.15 + 0.35 * drawn[..., 0], 1.4 * drawn[..., 1] - 0.7
    left = drawn[..., 2] * (1 - width)
    right = np.where(chosen, left + width, left)
    return np.stack([left, right, shift, drawn[..., 3] < 0.5, drawn[..., 4] < 0.6], 2)


def pasted(raw: RawBatch, windows: Float[Tensor, "b t 5"]) -> RawBatch:
    """Return the batch with objects of another sample pasted in front of each sample.

    A sideways shift keeps the depth of the ground in each row, as a rotation of the camera does. Pasted objects have
    the same position in all frames of a sample, like objects that move along with the camera. The auto-mask drops them,
    and hints teach their depth. The other sample is the next one with the same unit and focal length. Without one,
    nothing is pasted.
    """
    if raw.hints is None or not bool((windows[..., 1] > windows[..., 0]).any()):  # no wait for a GPU
        return raw
    windows = windows.to(raw.images.device)
    other = _next_alike(raw.hints.unit, raw.focal)
    joined = other != torch.arange(len(other), device=other.device)
    windows = torch.where(joined[:, None, None], windows, torch.zeros_like(windows))
    inverse_depth = raw.hints.inverse_depth
    ground = _ground(inverse_depth)
    objects = _objects(inverse_depth, ground)
    tried, _ = _covered(windows, other, inverse_depth, objects, ground, slice(_COARSE // 2, None, _COARSE))
    covered, source = _covered(_best(windows, tried)[:, None], other, inverse_depth, objects, ground, slice(None))
    covered = covered[:, 0]

    def moved(maps: Num[Tensor, "b h w *c"]) -> Num[Tensor, "b h w *c"]:
        return maps[source][:, 0]

    images = torch.where(covered[:, None, :, :, None], moved(raw.images[:, 0])[:, None], raw.images)
    hints = raw.hints._replace(
        inverse_depth=torch.where(covered, moved(inverse_depth), inverse_depth),
        weight=torch.where(covered, moved(raw.hints.weight), raw.hints.weight),
    )
    return raw._replace(images=images, hints=hints)


def _next_alike(unit: Int64[Tensor, " b"], focal: Float[Tensor, "b 2"]) -> Int64[Tensor, " b"]:
    """Return, for each sample, the next one (cyclic) with the same unit and focal length; itself without another."""
    number = torch.arange(len(unit), device=unit.device)
    alike = (unit[:, None] == unit) & (focal[:, None] == focal).all(2)
    ahead = (number - number[:, None] - 1) % len(unit)
    return torch.where(alike, ahead, len(unit)).argmin(1)


def _best(windows: Float[Tensor, "b t 5"], covered: Bool[Tensor, "b t H W"]) -> Float[Tensor, "b 5"]:
    """Return, for each sample, the window that covers most of the middle within the limits; zeros without one."""
    rows, columns = covered.shape[-2:]
    middle = covered[..., rows * 2 // 5 :, columns // 5 : columns - columns // 5].float().mean((2, 3))
    share, best = torch.where(middle < _MOST, middle, _MOST - middle).max(1)
    window = windows[torch.arange(len(windows), device=windows.device), best]
    return torch.where((share > _LEAST)[:, None], window, torch.zeros_like(window))


def _ground(inverse_depth: Float[Tensor, "b h w"]) -> Float[Tensor, "b h"]:
    """Return the inverse depth of the ground in every row: that of far points, and no less than in the row above."""
    some = inverse_depth[..., _COARSE // 2 :: _COARSE]
    far = torch.where(some > 0, some, torch.nan).nanquantile(0.25, dim=2)
    return far.nan_to_num(0.0).cummax(1).values


def _objects(inverse_depth: Float[Tensor, "b h w"], ground: Float[Tensor, "b h"]) -> Bool[Tensor, "b h w"]:
    """Return the mask of objects on the ground, with small holes filled and small spots removed."""
    stands = (ground[..., None] > 0) & (inverse_depth > _STANDS * ground[..., None])
    closed = ~_grown(~_grown(stands, 2), 2)
    return _grown(~_grown(~closed, 1), 1)


def _grown(mask: Bool[Tensor, "b h w"], by: int) -> Bool[Tensor, "b h w"]:
    """Return a mask dilated by a square; ten times as fast as pooling."""
    for dim in (1, 2):
        grown, length = mask.clone(), mask.shape[dim]
        for step in range(1, min(by, length - 1) + 1):
            for to, start in ((step, 0), (0, step)):
                part = grown.narrow(dim, to, length - step)
                part |= mask.narrow(dim, start, length - step)
        mask = grown
    return mask


def _covered(
    windows: Float[Tensor, "b t 5"],
    other: Int64[Tensor, " b"],
    inverse_depth: Float[Tensor, "b h w"],
    objects: Bool[Tensor, "b h w"],
    ground: Float[Tensor, "b h"],
    every: slice,
) -> tuple[Bool[Tensor, "b t H W"], tuple[Tensor, Tensor, Tensor]]:
    """Return the pixels that each window covers with the other sample's objects, and the indices of their sources.

    Only the rows and columns of `every` are computed. The second value indexes maps `b h w`.
    """
    left, right, shift, mirrored, low = windows[..., None].unbind(2)
    (_, h, w), device = inverse_depth.shape, windows.device
    row, column = torch.arange(h, device=device)[every], torch.arange(w, device=device)[every]
    from_column = column - (shift * w).round().long()
    inside = (from_column >= 0) & (from_column < w) & (column >= left * w) & (column < right * w)
    from_column = torch.where(mirrored > 0, w - 1 - from_column, from_column).clamp(0, w - 1)
    source = (other[:, None, None, None], row[:, None], from_column[:, :, None])
    horizon = (ground < _HORIZON * ground[:, -1:]).sum(1) - 1
    below = (row >= horizon[other, None])[:, None] | (low == 0)
    front, behind = inverse_depth[source], inverse_depth[:, None, every, every]
    # If one of both has no hint, an object covers everything but objects.
    hidden = (front > 0) & (behind > 0) & (front < _NEARER * behind)
    hidden |= (front == 0) & (behind > 0) & objects[:, None, every, every]
    return objects[source] & inside[:, :, None] & below[..., None] & ~hidden, source
