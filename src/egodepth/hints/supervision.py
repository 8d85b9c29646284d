"""How hints and known poses enter the objective; without them, the method of the paper is alone.

Hints and poses of structure from motion share a unit of length. Where only the samples of one recording share it, a
sample's hints and poses are brought to the network's unit first (`in_network_units`).
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from egodepth.config import LossConfig
from egodepth.data.batch import Batch, View
from egodepth.losses import units_of_network
from egodepth.reprojection import reproject


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
    return reproject(target, sources, hint_depth, poses, None, config, present).error[0] < error


def one_of_each_distance(offsets: tuple[int, ...]) -> list[int]:
    """Indices of the first neighbour at each distance. Other samples teach the motion to the other side."""
    return [place for place, offset in enumerate(offsets) if abs(offset) not in {abs(o) for o in offsets[:place]}]
