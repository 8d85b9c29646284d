"""Factors on a model's depth from the motion between two images: one for each pixel, and one for the image.

For each pixel, the factor on its depth with which the warped other image fits best (photometric error of Godard et al.
2017, 2019) is searched on a logarithmic grid, wide enough for any unit. This is a plane sweep (Collins 1996) whose
surfaces are the model's depth; matching of windows: Scharstein and Szeliski 2002. The factor times the depth is depth
by triangulation, in the unit of the motion, so it hardly depends on the model: on KITTI's drive 0001 its median is
within 7 % of LiDAR in every part of the image.

A model's own factor varies from near to far, and pixels differ in how often they are found. So the image's factor is
the weighted median of the pixels' factors, over the evaluation region. The weights make the found pixels represent all
pixels of similar depth. Moving objects and wrong matches hardly change a median. (The ratio of the medians of both
depths, which evaluations use for alignment, is a different and unstable number for a distorted model: it compares two
different places of the street.)
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import avg_pool2d

from egodepth.evaluation.benchmarks import PROTOCOLS
from egodepth.geometry import Camera, backproject, project, sample, transform_points, viewing_rays
from egodepth.losses import photometric_error

REGION = PROTOCOLS["eigen"]
"""Region in which depth counts: the crop of Garg et al. 2016, up to 80 m."""
STEP = 1.1
"""Ratio of neighbouring factors in the search."""
LEAST_SHIFT = 0.75
"""Least shift in pixels of the near parts of an image: less cannot be seen."""
MOST_SHIFT = 0.25
"""Largest shift of the median depth, in image widths."""
WINDOW = 7
"""Side in pixels of the window over which errors are averaged."""
DISTINCT = 0.8
"""The best factor's error must be at most this share of any other at least three steps away; else it is ambiguous."""
RECOGNISED = 0.15
"""Photometric error above which nothing was recognised."""
LEAST_PIXELS = 0.05
"""Least share of the region's pixels that must have a factor."""
_STRATA = 12
"""Number of strata, by the model's depth, that are weighted separately."""
_LEAST_OF_STRATUM = 0.2
"""Least share of a stratum's pixels that must have a factor; else its neighbour's factors are used."""
_FAR = 40.0
"""Distance, in motions, at which the shift is inversely proportional to the depth."""


class Factors(NamedTuple):
    """Factors of the pixels from the other image."""

    log_factor: Float[Tensor, "h w"]
    """Logarithm of the units of the motion per unit of the depth; valid for certain pixels."""
    is_sure: Bool[Tensor, "h w"]
    """Whether the pixel was found in the other image, and in one place only."""


def pixel_factors(
    target: Float[Tensor, "1 3 h w"],
    other: Float[Tensor, "1 3 h w"],
    depth: Float[Tensor, "1 h w"],
    cameras: tuple[Camera, Camera],
    other_from_target: Float[Tensor, "1 4 4"],
) -> Factors:
    """Return the factor on each pixel's depth with which the warped other image fits best.

    Args:
        target: the image of the depth, in [0, 1].
        other: the stereo partner's image, or one of the same camera at another time.
        depth: depth in the model's units.
        cameras: the cameras of target and other, batched.
        other_from_target: pose between the two, in the unit for the factors (metres, say).
    """
    low, high = _visible_factors(depth, cameras, other_from_target)
    steps = max(8, math.ceil((high - low) / math.log(STEP)))
    step = (high - low) / steps
    points = backproject(depth, cameras[0])
    errors = torch.cat(
        [
            _windowed_error(target, other, points * math.exp(low + step * place), other_from_target, cameras[1])
            for place in range(steps + 1)
        ]
    )
    place, is_sure = best_places(errors)
    return Factors(low + step * place, is_sure)


def image_factor(factors: Factors, depth: Float[Tensor, "h w"], farthest: float) -> float | None:
    """Return the units of the motion per unit of the depth; None if hardly a pixel of the region was found.

    Args:
        factors: the factors of the pixels.
        depth: the model's depth, in its units.
        farthest: farther depth is left out, in units of the motion.
    """
    region = REGION.valid(torch.ones_like(depth))
    if factors.is_sure[region].float().mean() < LEAST_PIXELS:
        return None
    own, order = depth[region].sort()
    log_factor, is_sure = factors.log_factor[region][order], factors.is_sure[region][order]
    strata = list(zip(own.chunk(_STRATA), log_factor.chunk(_STRATA), is_sure.chunk(_STRATA), strict=True))
    known = [place for place, (_, _, sure) in enumerate(strata) if sure.float().mean() >= _LEAST_OF_STRATUM]
    if not known:
        return None
    parts = []
    for place, (depths, logs, sure) in enumerate(strata):
        if place not in known:
            nearest = min(known, key=lambda other: abs(other - place))
            depths, logs, sure = depths.median().expand_as(strata[nearest][1]), *strata[nearest][1:]
        weight = torch.full((int(sure.sum()),), len(strata[place][0]) / int(sure.sum()))
        parts.append(torch.stack([depths[sure].log() + logs[sure], logs[sure], weight]))
    triangulated, logs, weight = torch.cat(parts, 1)
    near = triangulated < math.log(farthest)
    return math.exp(weighted_median(logs[near], weight[near])) if near.any() else None


def weighted_median(values: Float[Tensor, " n"], weight: Float[Tensor, " n"]) -> float:
    """Return the value with half of the weight on either side."""
    values, order = values.sort()
    half = weight[order].double().cumsum(0)
    return values[int((half < half[-1] / 2).sum())].item()


def _windowed_error(
    target: Float[Tensor, "1 3 h w"],
    other: Float[Tensor, "1 3 h w"],
    points: Float[Tensor, "1 3 h w"],
    other_from_target: Float[Tensor, "1 4 4"],
    camera: Camera,
) -> Float[Tensor, "1 h w"]:
    """Return the photometric error of the other image warped to points; 1 outside of it."""
    uv = project(transform_points(other_from_target, points), camera)
    inside = ((uv > 0) & (uv < 1)).all(1)
    error = torch.where(inside, photometric_error(sample(other, uv), target), 1.0)
    return avg_pool2d(error[None], WINDOW, 1, WINDOW // 2, count_include_pad=False)[0]


def best_places(errors: Float[Tensor, "n h w"]) -> tuple[Float[Tensor, "h w"], Bool[Tensor, "h w"]]:
    """Return each pixel's position of the least error along the first axis, by a parabola, and its certainty."""
    last = len(errors) - 1
    best = errors.argmin(0)
    middle = best.clamp(1, last - 1)
    before, at, after = (errors.gather(0, (middle + offset)[None])[0] for offset in (-1, 0, 1))
    bend = before - 2 * at + after
    shift = ((before - after) / (2 * bend.clamp(min=1e-9))).clamp(-0.5, 0.5)
    distant = (torch.arange(last + 1, device=errors.device)[:, None, None] - best).abs() > 3
    rival = torch.where(distant, errors, math.inf).amin(0)
    is_sure = (best > 0) & (best < last) & (bend > 0) & (at < DISTINCT * rival) & (at < RECOGNISED)
    return middle + shift, is_sure


def _visible_factors(
    depth: Float[Tensor, "1 h w"], cameras: tuple[Camera, Camera], other_from_target: Float[Tensor, "1 4 4"]
) -> tuple[float, float]:
    """Return the logarithms of the smallest and largest factor with visible shifts between the two images."""
    height, width = depth.shape[1:]
    rays = viewing_rays(cameras[0], (height, width))
    away = _FAR * other_from_target[0, :3, 3].norm()
    turned = other_from_target.clone()
    turned[0, :3, 3] = 0
    moved, still = (project(transform_points(pose, away * rays), cameras[1]) for pose in (other_from_target, turned))
    pixels = (moved - still) * depth.new_tensor([width, height])[:, None, None]
    # Shift of each pixel, in pixels, if its depth were right.
    shift = (away * pixels.norm(dim=1) / depth)[0, ::4, ::4].flatten()
    near, middle = shift.quantile(0.95).item(), shift.median().item()
    return math.log(middle / (MOST_SHIFT * width)), math.log(near / LEAST_SHIFT)
