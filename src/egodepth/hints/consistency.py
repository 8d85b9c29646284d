"""Check whether the depth maps of neighbouring frames agree. Each map was computed without the others."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from egodepth.geometry import Camera, backproject, project, transform_points
from egodepth.hints.settings import SweepSettings


class Witness(NamedTuple):
    """The depth map of another frame."""

    inverse_depth: Float[Tensor, "h w"]
    """Inverse depth in the unit of the poses; 0 where unknown."""
    other_from_target: Float[Tensor, "4 4"]


def agreement(
    inverse_depth: Float[Tensor, "h w"], others: list[Witness], camera: Camera, settings: SweepSettings
) -> Bool[Tensor, "h w"]:
    """Return the pixels whose depth is confirmed by at least `settings.witnesses` of the other maps.

    A map confirms a pixel if the pixel's point projects to a pixel of the map whose inverse depth differs by at most
    the share `settings.agreement`.

    Args:
        inverse_depth: the target's inverse depth, in the unit of the poses; 0 where unknown.
        others: maps of the target's size.
        camera: the one camera of all frames, batched or not.
        settings: the two thresholds.
    """
    camera = Camera(camera.focal.view(1, 2), camera.centre.view(1, 2))
    agreeing = torch.zeros_like(inverse_depth, dtype=torch.int32)
    points = backproject(1 / inverse_depth.clamp(min=1e-12)[None], camera)
    for other in others:
        agreeing += _confirmed(points, other, camera, settings.agreement)
    return (inverse_depth > 0) & (agreeing >= settings.witnesses)


def _confirmed(
    points: Float[Tensor, "1 3 h w"], other: Witness, camera: Camera, tolerance: float
) -> Bool[Tensor, "h w"]:
    h, w = points.shape[-2:]
    seen = transform_points(other.other_from_target[None], points)
    u, v = project(seen, camera)[0]
    column, row, z = (u * w).floor(), (v * h).floor(), seen[0, 2]
    inside = (z > 0) & (column >= 0) & (column < w) & (row >= 0) & (row < h)
    index = torch.where(inside, row * w + column, 0).long()
    known = other.inverse_depth.flatten()[index]
    return inside & ((known * z - 1).abs() <= tolerance)
