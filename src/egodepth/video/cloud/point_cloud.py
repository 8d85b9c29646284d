"""What goes into a point cloud, and what comes out."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Float64, Int32, UInt8


class CloudFrame(NamedTuple):
    """One frame of a clip: its image, depth, and where it was taken."""

    image: UInt8[np.ndarray, "h w 3"]
    depth: Float32[np.ndarray, "h w"]
    """Along the axis, in one unit for all frames; what is not finite and above 0 is unknown."""
    confidence: Float32[np.ndarray, "h w"]
    """How far the depth is to be trusted, 0 to 1."""
    world_from_camera: Float64[np.ndarray, "4 4"]


class Cloud(NamedTuple):
    """Coloured points in the world's axes and in the unit of the depth."""

    xyz: Float32[np.ndarray, "n 3"]
    rgb: UInt8[np.ndarray, "n 3"]
    confidence: Float32[np.ndarray, "n"]
    """Mean of the pixels that made the point."""
    frames: Int32[np.ndarray, "n"]
    """How many of the frames used saw the point."""
    voxel: float
    """Side of the cubes that became one point each."""
