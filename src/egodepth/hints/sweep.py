"""Plane sweep: depth of a frame from neighbours of known pose, without any network."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Float32, Int64
from torch import Tensor
from torch.nn.functional import avg_pool2d

from egodepth.geometry import Camera, backproject, project, sample, transform_points
from egodepth.hints.loops import can_use_loops, sweep_in_c
from egodepth.hints.settings import SweepSettings
from egodepth.losses import photometric_error

NEAREST = 1e-3
"""A source does not see points nearer than this, in the unit of the poses."""
UNSEEN = 1.0
"""Error where no source sees a pixel: the highest possible error."""


class SweepSource(NamedTuple):
    """A frame to compare with the target."""

    image: Float[Tensor, "3 h w"]
    """Image of the target's size, in [0, 1]."""
    source_from_target: Float[Tensor, "4 4"]
    before: bool
    """Whether it was taken before the target."""


class Sweep(NamedTuple):
    """Result of a plane sweep."""

    inverse_depth: Float32[Tensor, "h w"]
    """Inverse depth in the unit of the poses; 0 where unreliable."""
    cost: Float32[Tensor, "h w"]
    """Photometric error at the best plane."""


def plane_sweep(
    target: Float[Tensor, "3 h w"],
    camera: Camera,
    sources: list[SweepSource],
    inverse_depths: Float[Tensor, " planes"],
    settings: SweepSettings,
) -> Sweep:
    """Return the inverse depth of the pixels that neighbours explain well at one plane and badly at the others.

    A pixel's error at a plane is the photometric error of each warped source (Godard et al. 2019, eq. 2), averaged over
    the earlier and over the later sources. The smaller of both is used, because a point that is occluded in one
    direction is often visible in the other. A source counts only where the pixel's point at that plane projects into
    its image. The errors are averaged over a window of pixels. A parabola through the best error and those of the
    adjacent planes gives the depth between the planes.

    Args:
        target: the frame, in [0, 1].
        camera: the one camera of all frames, batched or not.
        sources: at least one.
        inverse_depths: inverse depths of the planes, ascending in even steps.
        settings: which pixels are kept.
    """
    if not can_use_loops(target):
        return sweep_in_torch(target, camera, sources, inverse_depths, settings)
    images, poses, before = zip(*sources, strict=True)
    return Sweep(*sweep_in_c(target, camera, images, poses, before, inverse_depths, settings))


def sweep_in_torch(
    target: Float[Tensor, "3 h w"],
    camera: Camera,
    sources: list[SweepSource],
    inverse_depths: Float[Tensor, " planes"],
    settings: SweepSettings,
) -> Sweep:
    """Return the same as `plane_sweep`, in plain torch, as its reference."""
    warped = [_warped_errors(target, camera, source, inverse_depths) for source in sources]
    costs = _windowed(_smaller_group(warped, sources), settings.window)
    still = [photometric_error(source.image, target)[None] for source in sources]
    unwarped = _windowed(_smaller_group(still, sources), settings.window)[0]
    best, index = costs.min(0)
    away = (torch.arange(len(costs))[:, None, None] - index).abs()
    rival = costs.masked_fill(away <= settings.apart, torch.inf).amin(0)
    kept = (best < settings.ambiguity * rival) & (best < settings.highest_cost) & (best < unwarped)
    kept &= (index > 0) & (index < len(costs) - 1)
    step = (inverse_depths[-1] - inverse_depths[0]) / (len(costs) - 1)
    place = index + _parabola(costs, index)
    return Sweep(torch.where(kept, inverse_depths[0] + place * step, 0), best)


def _warped_errors(
    target: Tensor, camera: Camera, source: SweepSource, inverse_depths: Tensor
) -> Float[Tensor, "planes h w"]:
    """Return the photometric error of a source at each plane; NaN where it does not see the pixel."""
    count, size = len(inverse_depths), target.shape[-2:]
    depth = (1 / inverse_depths)[:, None, None].expand(count, *size)
    cameras = Camera(camera.focal.expand(count, 2), camera.centre.expand(count, 2))
    points = transform_points(source.source_from_target.expand(count, 4, 4), backproject(depth, cameras))
    uv = project(points, cameras, NEAREST)
    seen = (points[:, 2] > NEAREST) & (uv > 0).all(1) & (uv < 1).all(1)
    warped = sample(source.image[None], uv)
    return photometric_error(warped, target.expand_as(warped)).masked_fill(~seen, torch.nan)


def _smaller_group(errors: list[Tensor], sources: list[SweepSource]) -> Float[Tensor, "planes h w"]:
    """Return the smaller of two means: over the earlier and over the later sources that see a pixel."""
    groups = ([e for e, s in zip(errors, sources, strict=True) if s.before == before] for before in (True, False))
    means = [torch.stack(group).nanmean(0).nan_to_num(nan=UNSEEN) for group in groups if group]
    return torch.stack(means).amin(0)


def _windowed(errors: Float[Tensor, "planes h w"], window: int) -> Float[Tensor, "planes h w"]:
    """Return the mean over the pixels of a window that are inside the image."""
    return avg_pool2d(errors, window, 1, window // 2, count_include_pad=False)


def _parabola(costs: Float[Tensor, "planes h w"], index: Int64[Tensor, "h w"]) -> Float[Tensor, "h w"]:
    """Return the offset, in planes, of the minimum of the parabola through a plane and its neighbours."""
    index = index.clamp(1, len(costs) - 2)[None]
    low, middle, high = (costs.gather(0, index + shift)[0] for shift in (-1, 0, 1))
    bend = low - 2 * middle + high
    return torch.where(bend > 0, 0.5 * (low - high) / bend, 0)
