"""Reprojection: warp every source into the target's view, and combine the errors at each pixel.

This includes per-pixel minimum reprojection and auto-masking (Godard et al. 2019, eq. 4 and 5). Only `reproject` calls
the fused twin (`losses/fused_twin.py`). The twin replaces the formula below for the tensors that it supports.
"""

from functools import partial
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from egodepth.config import LossConfig
from egodepth.data.batch import View
from egodepth.geometry import Camera, synthesise
from egodepth.losses import automask, average_reprojection, minimum_reprojection, photometric_error
from egodepth.losses.fused_twin import DROPPED, Sources, fused_reprojection, takes_over

_COMBINE = {"minimum": minimum_reprojection, "average": average_reprojection}


class Reprojection(NamedTuple):
    """Comparison of the target with warped sources at one size, for s scales of depth."""

    error: Float[Tensor, "s b h w"]
    """Error at each pixel, which the photometric loss averages."""
    kept: Bool[Tensor, "s b h w"]
    """Pixels that the auto-mask keeps."""


def reproject(
    target: View,
    sources: list[View],
    depth: Float[Tensor, "s b h w"],
    poses: list[Tensor],
    masks: Float[Tensor, "s b n h w"] | None,
    config: LossConfig,
    present: Bool[Tensor, "b n"] | None = None,
) -> Reprojection:
    """Warp every source by the depth of every scale and combine the errors over the sources that are present.

    Args:
        target: clean target.
        sources: n clean views of the target's size.
        depth: depth maps of s scales, at the target's size.
        poses: source_from_target `b 4 4` of every source; cameras and poses are converted to the depth's precision.
        masks: predictive masks, one per source; None for no masks.
        config: uses `reprojection`, `automask` and `ssim_weight`.
        present: which sources exist; None: all.
    """
    dtype = depth.dtype
    camera, *cameras = (Camera(*(part.to(dtype) for part in view.camera)) for view in (target, *sources))
    images, poses = [source.image for source in sources], [pose.to(dtype) for pose in poses]
    if config.reprojection == "minimum" and masks is None and takes_over(target.image, depth, *images):
        views = Sources(images, cameras, present)
        settings = (config.ssim_weight, config.automask)
        error, choice = fused_reprojection(depth, poses, target.image, camera, views, *settings)
        return Reprojection(error, choice != DROPPED)
    found = []
    for image, pose, source_camera in zip(images, poses, cameras, strict=True):
        view = warped(image, pose, source_camera, depth, camera)
        found.append(photometric_error(view, target.image, config.ssim_weight))
    errors = torch.stack(found)
    if masks is not None:
        errors = errors * masks.permute(2, 0, 1, 3, 4)
    exists = None if present is None else present.T[:, None, :, None, None]
    combine = partial(_COMBINE[config.reprojection], present=exists)
    best = combine(errors)
    if not config.automask:
        return Reprojection(best, torch.ones_like(best, dtype=torch.bool))
    with torch.no_grad():
        unwarped = [photometric_error(image, target.image, config.ssim_weight) for image in images]
        unwarped = combine(torch.stack(unwarped)[:, None])
    return Reprojection(*automask(best, unwarped.expand_as(best)))


def warped(
    image: Float[Tensor, "b 3 h w"],
    source_from_target: Float[Tensor, "b 4 4"],
    source_camera: Camera,
    depth: Float[Tensor, "s b h w"],
    target_camera: Camera,
) -> Float[Tensor, "s b 3 h w"]:
    """Return the target's view, synthesised from one source by the depth of every scale."""
    scales = len(depth)
    cameras = [Camera(*(_repeated(part, scales) for part in camera)) for camera in (target_camera, source_camera)]
    views = synthesise(image, depth.flatten(0, 1), _repeated(source_from_target, scales), *cameras)
    return views.unflatten(0, (scales, -1))


def _repeated(tensor: Tensor, times: int) -> Tensor:
    """Return the batch, repeated for every scale; the scale is the outer dimension."""
    return tensor.repeat(times, *(1 for _ in tensor.shape[1:]))
