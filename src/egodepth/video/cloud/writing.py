"""A cloud as a file."""

from pathlib import Path

from egodepth.foundation.ply_files import write_ply
from egodepth.video.cloud.point_cloud import Cloud


def write_cloud(path: str | Path, cloud: Cloud) -> None:
    """PLY with colour, confidence and the number of frames a point."""
    write_ply(path, cloud.xyz, cloud.rgb, confidence=cloud.confidence, frames=cloud.frames)
