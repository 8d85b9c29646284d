"""What hints, a teacher and known poses add to the objective; with all of them off, the method of the paper is alone.

Hints and poses of structure from motion share a unit of length. Where only the samples of one recording share it, a
sample's hints and poses are brought to the network's unit first (`in_network_units`).
"""

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from egodepth.config import HintConfig, LossConfig
from egodepth.data.batch import Batch, Hints, View
from egodepth.losses import (
    log_depth_error,
    log_depth_excess,
    log_depth_gradient_error,
    pose_error,
    scale_shift_invariant_error,
    units_of_network,
)
from egodepth.reprojection import compare_views


def in_network_units(batch: Batch, depth: Float[Tensor, "b h w"]) -> Batch:
    """The batch with hints and known poses in the network's unit of depth, sample by sample."""
    if batch.hints is None:
        return batch
    factor = units_of_network(depth, batch.hints.inverse_depth, batch.hints.unit)
    larger = torch.ones(len(factor), 4, 4, device=factor.device)
    larger[:, :3, 3] = factor[:, None]
    rig = [view._replace(source_from_target=view.source_from_target * larger) for view in batch.rig]
    inverse_depth = batch.hints.inverse_depth / factor[:, None, None]
    # Without a hint, nothing tells the unit of the sample's road.
    has_unit = (batch.hints.unit == 0) | (inverse_depth > 0).flatten(1).any(1)
    road = batch.hints.road / factor[:, None, None] * has_unit[:, None, None]
    return batch._replace(rig=rig, hints=batch.hints._replace(inverse_depth=inverse_depth, road=road))


def hint_losses(
    depth: Float[Tensor, "s b h w"], hints: Hints, better: Bool[Tensor, "b h w"] | None, config: HintConfig
) -> dict[str, Tensor]:
    """Error against hints (`hint`), their gradients (`gradient`, finest scale), road and teacher, unweighted.

    Means over pixels and, but for `gradient`, over scales. `road` is how far depth lies under the road, a mean over the
    pixels where that is judged.

    Args:
        depth: the network's of all scales, at the hints' size.
        hints: in the network's unit.
        better: the pixels whose hint counts (Watson et al. 2019): the mean is over all pixels then. None: every hint
            counts, and the mean is over the hints.
        config: which of them there are.
    """
    losses = {}
    if config.sources:
        weight = hints.weight if better is None else hints.weight * better
        total = hints.weight.sum().clamp(min=1e-6) if better is None else float(weight.numel())
        losses["hint"] = (weight * log_depth_error(depth, hints.inverse_depth)).sum((1, 2, 3)).mean() / total
        if config.gradient_weight:
            losses["gradient"] = log_depth_gradient_error(depth[0], hints.inverse_depth, weight > 0)
    if hints.road.numel() and config.road_weight:
        excess = log_depth_excess(_free_of_scale(depth, hints.unit), hints.road).sum((1, 2, 3)).mean()
        losses["road"] = excess / (hints.road > 0).sum().clamp(min=1)
    if config.teacher:
        losses["teacher"] = torch.stack(
            [scale_shift_invariant_error(1 / d, hints.teacher).mean() for d in depth]
        ).mean()
    return losses


def _free_of_scale(depth: Float[Tensor, "s b h w"], unit: Int64[Tensor, " b"]) -> Float[Tensor, "s b h w"]:
    """The same depth, whose gradient says nothing of the scale of samples in another unit than the network's.

    Their hints follow the network's scale (`units_of_network`). An error that only ever asks for less depth would draw
    it nearer without end.
    """
    mean = depth.log().mean((2, 3), keepdim=True)
    return torch.where((unit == 0)[:, None, None], depth, depth * (mean.detach() - mean).exp())


@torch.no_grad()
def explains_better(
    target: View,
    sources: list[View],
    poses: list[Tensor],
    hint_depth: Float[Tensor, "1 b h w"],
    error: Float[Tensor, "b h w"],
    config: LossConfig,
    present: Bool[Tensor, "b n"] | None,
) -> Bool[Tensor, "b h w"]:
    """Where the hint, warped, explains the pixel better than the network's depth does (Watson et al. 2019, eq. 3).

    Args:
        target: clean target.
        sources: as the network's depth was compared with.
        poses: source_from_target of every source.
        hint_depth: any depth where there is no hint.
        error: of the network's depth, by the same comparison.
        config: of the comparison.
        present: which sources exist.
    """
    return compare_views(target, sources, hint_depth, poses, None, config, present).error[0] < error


def one_of_each_distance(offsets: tuple[int, ...]) -> list[int]:
    """Indices of the first neighbour at each distance. Other samples teach the motion to the other side."""
    return [place for place, offset in enumerate(offsets) if abs(offset) not in {abs(o) for o in offsets[:place]}]


def pose_loss(estimated: list[Tensor], known: list[Tensor], depth: Float[Tensor, "b h w"]) -> Float[Tensor, ""]:
    """Mean error of the pose network's motions `b 4 4` against the known ones of the same neighbours."""
    typical = depth.detach().flatten(1).median(1).values
    return pose_error(torch.stack(estimated), torch.stack(known), typical.expand(len(estimated), -1)).mean()
