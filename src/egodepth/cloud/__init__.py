"""Fused coloured point clouds: the depth of many frames, cleaned and gathered in one world."""

from egodepth.cloud.against_truth import CloudScores, compare_clouds
from egodepth.cloud.fusion import fuse
from egodepth.cloud.types import Cloud, CloudFrame, CloudSettings
from egodepth.cloud.writing import write_cloud

__all__ = ["Cloud", "CloudFrame", "CloudScores", "CloudSettings", "compare_clouds", "fuse", "write_cloud"]
