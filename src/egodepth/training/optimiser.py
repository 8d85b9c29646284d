"""The optimiser: which weights run on which clock."""

from typing import Any

import torch

from egodepth.config import OptimiserConfig
from egodepth.objective import SelfSupervisedObjective


def build_optimiser(objective: SelfSupervisedObjective, config: OptimiserConfig) -> torch.optim.Adam:
    """Adam over two groups, in the order of `learning_rates`: the pose network last, with the features it reads.

    A learned focal length is a third group, without weight decay, which would pull it back to the first guess.
    """
    pose_net = objective.pose_net
    poses = list(pose_net.parameters()) if pose_net is not None else []
    if pose_net is not None and pose_net.reads_features:
        poses += objective.depth_net.encoder.parameters()
    focal = list(objective.focal.parameters()) if objective.focal is not None else []
    known = {*poses, *focal}
    rest = [parameter for parameter in objective.parameters() if parameter not in known]
    groups: list[dict[str, Any]] = [{"params": rest}, {"params": poses}]
    if focal:
        groups.append({"params": focal, "weight_decay": 0.0})
    return torch.optim.Adam(groups, config.learning_rate, weight_decay=config.weight_decay, fused=True)
