"""What structure from motion would say of `footage_scenes.street`: a camera that looks sideways out of a car."""

from dataclasses import replace

import numpy as np

from egodepth.data.drive import Drive
from egodepth.sfm.clip_map import ClipMap
from footage_scenes import DEPTHS
from hints.map_scenes import map_of

STEP = 1.0
"""From a frame to the next, in the map's own unit."""


def street_map(drive: Drive, pixels: float = 3.0) -> ClipMap:
    """Poses of every frame, and points on all four bands that all frames see.

    Args:
        drive: the extracted frames, none left out.
        pixels: that a band of speed 1 moves from frame to frame.
    """
    frames = np.array(list(drive.frames), np.int64)
    focal, centre = drive.camera.focal.double().numpy(), drive.camera.centre.double().numpy()
    poses = np.tile(np.eye(4), (len(frames), 1, 1))
    poses[:, 0, 3] = STEP * np.arange(len(frames))
    u, v = (side.ravel() for side in np.meshgrid(np.linspace(0.45, 0.95, 21), (np.arange(12) + 0.5) / 12))
    speed = np.array(DEPTHS)[(v * len(DEPTHS)).astype(int)]
    depth = STEP * focal[0] * drive.size[1] / (pixels * speed)
    xyz = np.stack([(u - centre[0]) / focal[0] * depth, (v - centre[1]) / focal[1] * depth, depth], 1)
    found = map_of(xyz.tolist(), len(frames))
    frame, point = found.points.observations.T
    rays = (xyz[point] - poses[frame, :3, 3])[:, :2] / xyz[point, 2:]
    points = replace(found.points, rays=rays.astype(np.float32))
    return replace(found, frames=frames, world_from_camera=poses, points=points)
