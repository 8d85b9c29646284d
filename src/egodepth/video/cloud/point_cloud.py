"""Input and output of the fusion to a point cloud."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Float64, Int32, UInt8

from egodepth.foundation.ply_files import write_ply


class CloudFrame(NamedTuple):
    """One frame of a clip: its image, depth and pose."""

    image: UInt8[np.ndarray, "h w 3"]
    depth: Float32[np.ndarray, "h w"]
    """Along the axis, in one unit for all frames; values that are not finite and positive are unknown."""
    confidence: Float32[np.ndarray, "h w"]
    """Confidence of the depth, 0 to 1."""
    world_from_camera: Float64[np.ndarray, "4 4"]
    expected_error: Float32[np.ndarray, "h w"] | None = None
    """Expected relative error of the depth; None if it is not known."""


class Cloud(NamedTuple):
    """Coloured points in the world's axes and in the unit of the depth."""

    xyz: Float32[np.ndarray, "n 3"]
    rgb: UInt8[np.ndarray, "n 3"]
    confidence: Float32[np.ndarray, "n"]
    """Mean confidence of the pixels behind the point."""
    frames: Int32[np.ndarray, "n"]
    """Number of used frames that saw the point."""
    voxel: float
    """Side of the voxels, each of which gives one point."""


def write_cloud(path: str | Path, cloud: Cloud) -> None:
    """Write a PLY file with colour, confidence and the number of frames of each point."""
    write_ply(path, cloud.xyz, cloud.rgb, confidence=cloud.confidence, frames=cloud.frames)
