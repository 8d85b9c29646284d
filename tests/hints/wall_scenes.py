"""The map of `make_clip`'s recording: a camera that moves sideways past a wall, by formula."""

from pathlib import Path

import numpy as np

from egodepth.data.drive import Drive
from egodepth.data.readers.folder import FolderDrive
from egodepth.hints.drive_maps import MAP
from egodepth.hints.store import drive_folder
from egodepth.sfm.clip_map import ClipMap
from egodepth.sfm.structures import SparsePoints

WALL = 2.5
"""Distance of the wall in the map's own unit."""


def wall_map(drive: Drive, parts: tuple[int, ...] = ()) -> ClipMap:
    """Poses and a grid of points on the wall; `parts` of the frames, all 0 by default."""
    frames = np.array(list(drive.frames), np.int64)
    focal, centre = drive.camera.focal.double().numpy(), drive.camera.centre.double().numpy()
    step = 2 / drive.size[1] * WALL / focal[0]  # the texture moves by two pixels a frame
    poses = np.tile(np.eye(4), (len(frames), 1, 1))
    poses[:, 0, 3] = step * np.arange(len(frames))
    u, v = np.meshgrid(np.linspace(0.4, 0.8, 5), np.linspace(0.2, 0.8, 4))
    xy = (np.stack([u.ravel(), v.ravel()], 1) - centre) / focal * WALL
    xyz = np.concatenate([xy, np.full((len(xy), 1), WALL)], 1)
    number = np.array(parts or [0] * len(frames), np.int32)
    count = int(number.max()) + 1
    seen = [(frame, part * len(xyz) + point) for frame, part in enumerate(number) for point in range(len(xyz))]
    return ClipMap(
        frames=frames,
        part=number,
        registered=np.ones(len(frames), bool),
        world_from_camera=poses,
        points=SparsePoints(
            xyz=np.tile(xyz, (count, 1)),
            rgb=np.zeros((count * len(xyz), 3), np.uint8),
            error_px=np.zeros(count * len(xyz), np.float32),
            track_length=np.full(count * len(xyz), len(frames), np.int32),
            observations=np.array(seen, np.int32),
            rays=np.full((len(seen), 2), np.nan, np.float32),
        ),
    )


def keep_wall_map(store: Path, clip: Path, parts: tuple[int, ...] = ()) -> ClipMap:
    """Put the map where a training finds it."""
    drive = FolderDrive(clip)
    found = wall_map(drive, parts)
    found.save(drive_folder(store, drive) / MAP)
    return found
