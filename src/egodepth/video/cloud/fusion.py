"""Fuse the depth of a clip's frames into one cloud, frame by frame, for clips of any length."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from math import acos, degrees

import numpy as np
from jaxtyping import Float64

from egodepth.foundation.errors import require
from egodepth.geometry import Camera
from egodepth.video.cloud.agreement import Around, agreed_depth
from egodepth.video.cloud.implied_depth import homogeneous_pixels
from egodepth.video.cloud.point_cloud import Cloud, CloudFrame
from egodepth.video.cloud.settings import CloudSettings
from egodepth.video.cloud.views import View, view_of
from egodepth.video.cloud.voxels import VoxelGrid

_VOXEL_PX = 4
"""Default side of a voxel, in pixels at the median depth."""
_STRIDE = 2
"""Every second used frame is compared with, so that moving objects have moved."""
_EXTREME = 1e4
"""Depth that differs from the median by this factor is invalid, and would exceed the range of the numbers."""
_EMPTY_SIDE = 1.0
"""Side of the voxels of a cloud without points."""


def fuse(frames: Iterable[CloudFrame], camera: Camera, settings: CloudSettings | None = None) -> Cloud:
    """Return the cloud of a clip, cleaned as `CloudSettings` says.

    Frames are taken one by one, in the order of time; at most `4 * neighbours + 1` of them are held, and `most_voxels`
    voxels. The same frames give the same cloud. If no point is left, the cloud is empty.

    Args:
        frames: all of one size, their depth in one unit.
        camera: the camera of all of them, unbatched.
        settings: the settings; the defaults if not given.

    Raises:
        InputError: frames of different sizes, or a pose that is not finite.
    """
    settings = settings or CloudSettings()
    fuser: _Fuser | None = None
    for view, after in _with_following(_moved(frames, settings), _STRIDE * settings.neighbours):
        fuser = fuser or _Fuser(camera, view.size, settings)
        fuser.add(view, after)
    empty = VoxelGrid(settings.voxel or _EMPTY_SIDE, settings.most_voxels).cloud(1)
    return empty if fuser is None else fuser.cloud() or empty


class _Fuser:
    """The constants of the fusion, and the grid that collects the points."""

    def __init__(self, camera: Camera, size: tuple[int, int], settings: CloudSettings) -> None:
        self._settings = settings
        self._intrinsics = camera.to_pixels(size).double().cpu().numpy()
        self._pixels = homogeneous_pixels(size)
        self._rays = np.linalg.inv(self._intrinsics)
        self._grid: VoxelGrid | None = None
        self._used = 0
        self._before: deque[View] = deque(maxlen=_STRIDE * settings.neighbours)
        self._past: list[View] = []

    def add(self, view: View, after: Sequence[View]) -> None:
        """Add the points of one frame that its neighbours confirm."""
        settings = self._settings
        around = Around(self._past, _spread(list(self._before)[::-1]), _spread(after))
        self._before.append(view)
        medians = [each.median_depth for each in (view, *chain(*around)) if np.isfinite(each.median_depth)]
        if not medians:
            return
        unit = float(np.median(medians))
        if self._grid is None:
            side = settings.voxel or _VOXEL_PX * unit / float(self._intrinsics[0, 0])
            self._grid = VoxelGrid(side, settings.most_voxels)
        self._used += 1
        index = view.pixels(unit / _EXTREME, min(settings.far, _EXTREME) * unit)
        pixels, depth = self._pixels[:, index], 1 / view.inverse_depth[index]
        support = np.ones_like(depth)
        if settings.agreeing:
            agreed = agreed_depth(view, around, index, pixels, self._intrinsics, settings.agreeing, settings.tolerance)
            self._past = [view.refined(index, agreed.past_depth, agreed.past_support)]
            kept = agreed.enough
            index, pixels, depth, support = index[kept], pixels[:, kept], agreed.depth[kept], agreed.support[kept]
        turned = (view.world_from_camera[:3, :3] @ self._rays).astype(np.float32)
        confidence = view.confidence[index]
        # Errors of depth grow with depth. The small addition keeps pixels with confidence 0, if they are requested.
        weight = (confidence + np.float32(1e-3)) * support * np.square(np.float32(unit) / depth)
        self._grid.add(turned @ pixels * depth, view.world_from_camera[:3, 3], view.rgb[index], confidence, weight)

    def cloud(self) -> Cloud | None:
        """Return the cloud so far; None if no frame had any depth."""
        return self._grid and self._grid.cloud(min(self._settings.min_frames, self._used))


def _moved(frames: Iterable[CloudFrame], settings: CloudSettings) -> Iterator[View]:
    """Yield the cleaned frames after a motion. A standing camera only repeats the same view."""
    last: View | None = None
    for number, frame in enumerate(frames):
        pose = frame.world_from_camera
        require(bool(np.isfinite(pose).all()), f"frame {number}: its pose is not finite; leave such frames out")
        if last is not None:
            size = (frame.depth.shape[0], frame.depth.shape[1])
            require(size == last.size, f"frame {number}: {size} where the first frame is {last.size}; give one size")
            if not _has_moved(last, pose, settings):
                continue
        last = view_of(frame, settings)
        yield last


def _has_moved(last: View, pose: Float64[np.ndarray, "4 4"], settings: CloudSettings) -> bool:
    step = np.linalg.inv(last.world_from_camera) @ pose
    turn_deg = degrees(acos(float(np.clip((np.trace(step[:3, :3]) - 1) / 2, -1, 1))))
    # A frame without any depth has no median, so the next one is used in any case.
    far_enough = not np.linalg.norm(step[:3, 3]) < settings.motion * last.median_depth
    return far_enough or turn_deg >= settings.turn_deg


def _with_following(views: Iterable[View], reach: int) -> Iterator[tuple[View, list[View]]]:
    """Yield every view with up to `reach` following ones."""
    held: deque[View] = deque()
    for view in views:
        held.append(view)
        if len(held) > reach:
            yield held.popleft(), list(held)
    while held:
        yield held.popleft(), list(held)


def _spread(nearest_first: Sequence[View]) -> list[View]:
    """Return every second view; the only one if there is one."""
    return list(nearest_first[_STRIDE - 1 :: _STRIDE] or nearest_first[:1])
