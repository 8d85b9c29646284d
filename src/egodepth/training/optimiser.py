"""The optimiser and its parameter groups, each with its own learning rate."""

from typing import Any

import torch

from egodepth.config import OptimiserConfig
from egodepth.objective import SelfSupervisedObjective


def build_optimiser(objective: SelfSupervisedObjective, config: OptimiserConfig) -> torch.optim.Adam:
    """Return Adam over two groups in the order of `learning_rates`: depth network, then pose network.

    A pose network that reads features of the depth encoder shares its group with this encoder. Otherwise a depth
    encoder with its own rate is the third group. A learned focal length is the last group. It has no weight decay,
    which would pull it back to its initial value.
    """
    pose_net = objective.pose_net
    poses = list(pose_net.parameters()) if pose_net is not None else []
    if pose_net is not None and pose_net.reads_features:
        poses += objective.depth_net.encoder.parameters()
    focal = list(objective.focal.parameters()) if objective.focal is not None else []
    encoder = []
    if config.encoder_rate != 1:
        encoder = [parameter for parameter in objective.depth_net.encoder.parameters() if parameter not in {*poses}]
    known = {*poses, *encoder, *focal}
    rest = [parameter for parameter in objective.parameters() if parameter not in known]
    groups: list[dict[str, Any]] = [{"params": rest}, {"params": poses}]
    if config.encoder_rate != 1:
        groups.append({"params": encoder})
    if focal:
        groups.append({"params": focal, "weight_decay": 0.0})
    return torch.optim.Adam(groups, config.learning_rate, weight_decay=config.weight_decay, fused=True)
