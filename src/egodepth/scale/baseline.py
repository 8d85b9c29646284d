"""Scale by a stereo baseline: the factor on depth with which the partner's image, warped, fits best.

The pair's pose is in metres. The photometric error of warping by s times the model's depth (Godard et al. 2017, 2019)
is searched over a logarithmic grid of s, wide enough for any unit, around each pixel; the median pixel's best factor is
the image's. One factor that fits the whole image best would be that of what is near, which shifts most: on KITTI's
drive 0001, by a model that makes what is far too near, it was 14 % below the median ratio to LiDAR, the median pixel's
7 % (matching of windows: Scharstein and Szeliski 2002).
"""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import avg_pool2d

from egodepth.evaluation.alignment import median
from egodepth.geometry import Camera, backproject, project, sample, transform_points
from egodepth.losses import photometric_error

STEP = 1.1
"""Ratio of neighbouring factors of the coarse search."""
LEAST_SHIFT = 0.75
"""Pixels that the near parts of an image shift by, at least: less cannot be seen."""
MOST_SHIFT = 0.25
"""Image widths that its middle depth shifts by, at most."""
WINDOW = 7
"""Pixels, either way, that the errors are averaged over."""
DISTINCT = 0.8
"""The best factor's error is at most this share of any other's that is three steps away: else it may be either."""
RECOGNISED = 0.15
"""Photometric errors above mean that nothing was recognised."""
LEAST_PIXELS = 0.05
"""Share of an image's pixels that must have a factor."""


def fitting_factor(
    target: Float[Tensor, "1 3 h w"],
    partner: Float[Tensor, "1 3 h w"],
    depth: Float[Tensor, "1 h w"],
    cameras: tuple[Camera, Camera],
    partner_from_self: Float[Tensor, "1 4 4"],
) -> float | None:
    """Metres in a unit of the depth; None where hardly a pixel is found in the partner's image.

    Args:
        target: the image that depth is of, in [0, 1].
        partner: the other camera's image of the same instant.
        depth: in units.
        cameras: of target and partner, batched.
        partner_from_self: their pose, metres.
    """
    low, high = _visible_factors(depth, cameras[0], partner_from_self)
    steps = max(8, math.ceil((high - low) / math.log(STEP)))
    step = (high - low) / steps
    points = backproject(depth, cameras[0])
    errors = torch.cat(
        [
            _windowed_error(target, partner, points * math.exp(low + step * place), partner_from_self, cameras[1])
            for place in range(steps + 1)
        ]
    )
    place, is_sure = best_places(errors)
    if is_sure.float().mean() < LEAST_PIXELS:
        return None
    return math.exp(low + step * median(place[is_sure]))


def _windowed_error(
    target: Float[Tensor, "1 3 h w"],
    partner: Float[Tensor, "1 3 h w"],
    points: Float[Tensor, "1 3 h w"],
    partner_from_self: Float[Tensor, "1 4 4"],
    camera: Camera,
) -> Float[Tensor, "1 h w"]:
    """Photometric error of the partner's image warped to points; 1 where they are outside of it."""
    uv = project(transform_points(partner_from_self, points), camera)
    inside = ((uv > 0) & (uv < 1)).all(1)
    error = torch.where(inside, photometric_error(sample(partner, uv), target), 1.0)
    return avg_pool2d(error[None], WINDOW, 1, WINDOW // 2, count_include_pad=False)[0]


def best_places(errors: Float[Tensor, "n h w"]) -> tuple[Float[Tensor, "h w"], Bool[Tensor, "h w"]]:
    """Where along the first axis each pixel's error is smallest, by a parabola of three; and whether that is sure."""
    last = len(errors) - 1
    best = errors.argmin(0)
    middle = best.clamp(1, last - 1)
    before, at, after = (errors.gather(0, (middle + offset)[None])[0] for offset in (-1, 0, 1))
    bend = before - 2 * at + after
    shift = ((before - after) / (2 * bend.clamp(min=1e-9))).clamp(-0.5, 0.5)
    apart = (torch.arange(last + 1, device=errors.device)[:, None, None] - best).abs() > 3
    rival = torch.where(apart, errors, math.inf).amin(0)
    is_sure = (best > 0) & (best < last) & (bend > 0) & (at < DISTINCT * rival) & (at < RECOGNISED)
    return middle + shift, is_sure


def _visible_factors(
    depth: Float[Tensor, "1 h w"], camera: Camera, partner_from_self: Float[Tensor, "1 4 4"]
) -> tuple[float, float]:
    """Logarithms of the smallest and largest factor whose shifts between the two images can be seen."""
    thinned = depth[:, ::4, ::4].flatten()
    near, middle = thinned.quantile(0.05).item(), thinned.median().item()
    # Shift of depth 1, in image widths (heights, where the partner is above): focal length times baseline.
    shift = (camera.focal[0].double() * partner_from_self[0, :2, 3].abs().double()).max().item()
    pixels = depth.shape[2]
    return math.log(shift / (MOST_SHIFT * middle)), math.log(shift * pixels / (LEAST_SHIFT * near))
