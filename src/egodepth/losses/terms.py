"""The loss terms of the method: functions from a training step to an unweighted scalar. `registry` lists them."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.nn.functional import interpolate

from egodepth.config import TrainConfig
from egodepth.data.batch import Batch, Hints
from egodepth.losses.shift_invariant import scale_shift_invariant_error
from egodepth.losses.smoothness import edge_aware_smoothness
from egodepth.losses.supervised import log_depth_error, log_depth_excess, log_depth_gradient_error, pose_error


class Step(NamedTuple):
    """The inputs of a loss term: the batch, and the networks' outputs."""

    batch: Batch
    """Clean views. Hints and known poses are in the network's unit of depth."""
    disparities: list[Tensor]
    """`b h/2^s w/2^s` in (0, 1), finest first."""
    poses: list[Tensor]
    """Estimated source_from_target `b 4 4`."""
    known_poses: list[Tensor]
    """source_from_target by structure from motion; empty if poses are learned from images alone."""
    masks: list[Tensor]
    """Predictive masks `b n h/2^s w/2^s`; empty without them."""
    config: TrainConfig
    depth: Float[Tensor, "s b h w"]
    """Depth of every scale at the size of the target, finest first; s is 0 for regularisers."""
    errors: list[Tensor]
    """Photometric errors `s b h w` of one or several sizes; empty while the photometric loss does not count."""
    better: Bool[Tensor, "b h w"] | None
    """Pixels whose hint explains the image better than the network does; None if every hint counts."""


def photometric(step: Step) -> Tensor | None:
    """Return the mean photometric error over pixels and scales (Godard et al. 2019, eq. 4 to 6)."""
    if not step.errors:
        return None
    return torch.stack([error.mean((1, 2, 3)).sum() for error in step.errors]).sum() / len(step.disparities)


def smoothness(step: Step) -> Tensor:
    """Return the edge-aware smoothness, halved at each coarser scale; mean over scales (Godard et al. 2019, eq. 3)."""
    image = step.batch.target.image
    terms = [
        edge_aware_smoothness(d, interpolate(image, d.shape[-2:], mode="area")) / 2**scale
        for scale, d in enumerate(step.disparities)
    ]
    return torch.stack(terms).mean()


def mask_entropy(step: Step) -> Tensor | None:
    """Return the cross-entropy of predictive masks against 1, so that they keep pixels (Zhou et al. 2017, eq. 4)."""
    if not step.masks:
        return None
    return torch.stack([-mask.clamp(min=1e-7).log().mean() for mask in step.masks]).mean()


def hint(step: Step) -> Tensor | None:
    """Return the mean |log depth - log hint| over hints and scales.

    If only the better hints count (Watson et al. 2019), the mean is over all pixels.
    """
    hints = step.batch.hints
    if hints is None or not step.config.hints.sources:
        return None
    weight = _weight(hints, step.better)
    total = hints.weight.sum().clamp(min=1e-6) if step.better is None else float(weight.numel())
    return (weight * log_depth_error(step.depth, hints.inverse_depth)).sum((1, 2, 3)).mean() / total


def hint_gradient(step: Step) -> Tensor | None:
    """Return the gradient matching loss between the finest depth and hints (Li and Snavely 2018, eq. 4)."""
    hints, config = step.batch.hints, step.config.hints
    if hints is None or not config.sources or not config.gradient_weight:
        return None
    return log_depth_gradient_error(step.depth[0], hints.inverse_depth, _weight(hints, step.better) > 0)


def road(step: Step) -> Tensor | None:
    """Return how far depth lies below the road surface: mean over scales and the pixels where the road is known."""
    hints = step.batch.hints
    if hints is None or not hints.road.numel() or not step.config.hints.road_weight:
        return None
    excess = log_depth_excess(_free_of_scale(step.depth, hints.unit), hints.road).sum((1, 2, 3)).mean()
    return excess / (hints.road > 0).sum().clamp(min=1)


def teacher(step: Step) -> Tensor | None:
    """Return the scale- and shift-invariant error against a teacher's inverse depth, mean over pixels and scales."""
    hints = step.batch.hints
    if hints is None or not step.config.hints.teacher:
        return None
    return torch.stack([scale_shift_invariant_error(1 / depth, hints.teacher).mean() for depth in step.depth]).mean()


def pose(step: Step) -> Tensor | None:
    """Return the mean error of the pose network's motions against those of structure from motion."""
    if not step.known_poses:
        return None
    typical = step.depth[0].detach().flatten(1).median(1).values.expand(len(step.poses), -1)
    return pose_error(torch.stack(step.poses), torch.stack(step.known_poses), typical).mean()


def _weight(hints: Hints, better: Bool[Tensor, "b h w"] | None) -> Float[Tensor, "b h w"]:
    return hints.weight if better is None else hints.weight * better


def _free_of_scale(depth: Float[Tensor, "s b h w"], unit: Int64[Tensor, " b"]) -> Float[Tensor, "s b h w"]:
    """Return the same depth, without the gradient of its scale for samples whose unit is not the network's.

    Hints of these samples follow the network's scale (`units_of_network`). An error that only asks for less depth would
    therefore shrink the depth without end.
    """
    mean = depth.log().mean((2, 3), keepdim=True)
    return torch.where((unit == 0)[:, None, None], depth, depth * (mean.detach() - mean).exp())
