"""The depth and pose networks; they do not depend on losses or data."""

from egodepth.networks.decoder import Decoder
from egodepth.networks.depth import DepthNet, depth_unit, disparity_to_depth
from egodepth.networks.encoder import Encoder, Pretrained
from egodepth.networks.pose import (
    PoseCnn,
    PoseNet,
    SeparatePoseNet,
    SharedPoseNet,
    build_pose_net,
    translation_in_depth_units,
)
from egodepth.networks.registry import build_depth_net

__all__ = [
    "Decoder",
    "DepthNet",
    "Encoder",
    "PoseCnn",
    "PoseNet",
    "Pretrained",
    "SeparatePoseNet",
    "SharedPoseNet",
    "build_depth_net",
    "build_pose_net",
    "depth_unit",
    "disparity_to_depth",
    "translation_in_depth_units",
]
