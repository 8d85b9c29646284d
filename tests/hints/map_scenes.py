"""Small maps of recordings."""

from collections.abc import Sequence

import numpy as np
import torch

from egodepth.geometry import Camera
from egodepth.sfm.clip_map import ClipMap
from egodepth.sfm.structures import SparsePoints

CAMERA = Camera(torch.tensor([1.0, 2.0]), torch.tensor([0.5, 0.5]))
"""Of images twice as wide as high, in square pixels."""


def point_at(u: float, v: float, depth: float) -> list[float]:
    """Where a point has to be for a camera at the origin to see it at (u, v)."""
    return [(u - 0.5) * depth, (v - 0.5) / 2 * depth, depth]


def map_of(
    points: Sequence[Sequence[float]],
    frames: int = 1,
    part: Sequence[int] = (),
    error_px: Sequence[float] = (),
    track_length: Sequence[int] = (),
) -> ClipMap:
    """Every frame sees every point from the origin; points 0, 10, 20 ... are held out."""
    count, xyz = len(points), np.array(points, np.float64).reshape(-1, 3)
    rays = xyz[:, :2] / xyz[:, 2:]
    return ClipMap(
        frames=np.arange(frames),
        part=np.array(part or [0] * frames, np.int32),
        registered=np.ones(frames, bool),
        world_from_camera=np.tile(np.eye(4), (frames, 1, 1)),
        points=SparsePoints(
            xyz=xyz,
            rgb=np.zeros((count, 3), np.uint8),
            error_px=np.array(error_px or [0.0] * count, np.float32),
            track_length=np.array(track_length or [9] * count, np.int32),
            observations=np.array([(frame, n) for frame in range(frames) for n in range(count)], np.int32).reshape(
                -1, 2
            ),
            rays=np.tile(rays, (frames, 1)).astype(np.float32),
        ),
    )
