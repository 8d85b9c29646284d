"""The photometric comparison: every source warped into the target's view, their errors combined a pixel.

This is where per-pixel minimum reprojection and auto-masking happen (Godard et al. 2019, eq. 4 and 5).
"""

from functools import partial
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from egodepth.config import LossConfig
from egodepth.data.batch import View
from egodepth.geometry import Camera, synthesise
from egodepth.losses import PhotometricTarget, automask, average_reprojection, minimum_reprojection
from egodepth.losses.fused import DROPPED, Sources, can_fuse, fused_reprojection

_COMBINE = {"minimum": minimum_reprojection, "average": average_reprojection}


class Comparison(NamedTuple):
    """Target against warped sources at one size, for s scales; what the loss averages and the panels draw."""

    error: Float[Tensor, "s b h w"]
    kept: Bool[Tensor, "s b h w"]
    warped: list[Tensor]
    """A source each, `s b 3 h w`; empty where they were never made (`keep_warped`)."""


def compare_views(
    target: View,
    sources: list[View],
    depth: Float[Tensor, "s b h w"],
    poses: list[Tensor],
    masks: Float[Tensor, "s b n h w"] | None,
    config: LossConfig,
    present: Bool[Tensor, "b n"] | None = None,
    keep_warped: bool = False,
) -> Comparison:
    """Warp every source by every scale's depth and combine the errors over the sources that are present.

    The target's window statistics and the unwarped errors do not depend on the scale and are computed once. On a
    processor the published combination is one operation, to the same values and gradients (`fused_reprojection`);
    torch.compile translates the separate ones. Cameras and poses count in the depth's precision.
    """
    images, poses = [source.image for source in sources], [pose.to(depth.dtype) for pose in poses]
    camera, *cameras = (Camera(*(part.to(depth.dtype) for part in view.camera)) for view in (target, *sources))
    if (
        not keep_warped
        and config.reprojection == "minimum"
        and masks is None
        and not torch.compiler.is_compiling()
        and can_fuse(target.image, depth, *images)
    ):
        if present is None:
            present = torch.ones(len(target.image), len(sources), dtype=torch.bool)
        views = Sources(images, cameras, present)
        settings = (config.ssim_weight, config.automask)
        error, choice = fused_reprojection(depth, poses, target.image, camera, views, *settings)
        return Comparison(error, choice != DROPPED, [])
    scales, (b, _, h, w) = len(depth), target.image.shape
    combine = partial(
        _COMBINE[config.reprojection], present=None if present is None else present.T[:, None, :, None, None]
    )
    compared = PhotometricTarget(target.image, config.ssim_weight)
    warped = [
        synthesise(
            image,
            depth.flatten(0, 1),
            _repeated(pose, scales),
            Camera(*(_repeated(part, scales) for part in camera)),
            Camera(*(_repeated(part, scales) for part in other)),
        ).view(scales, b, 3, h, w)
        for image, pose, other in zip(images, poses, cameras, strict=True)
    ]
    errors = torch.stack([compared.error(image) for image in warped])
    if masks is not None:
        errors = errors * masks.permute(2, 0, 1, 3, 4)
    best = combine(errors)
    if not config.automask:
        return Comparison(best, torch.ones_like(best, dtype=torch.bool), warped)
    with torch.no_grad():
        unwarped = combine(torch.stack([compared.error(image) for image in images])[:, None])
    error, kept = automask(best, unwarped.expand_as(best))
    return Comparison(error, kept, warped)


def _repeated(tensor: Tensor, times: int) -> Tensor:
    """The batch once for every scale, scales outermost."""
    return tensor.repeat(times, *(1 for _ in tensor.shape[1:]))
