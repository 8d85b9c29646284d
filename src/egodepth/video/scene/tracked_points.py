"""Points of structure from motion, with the observations of a scene's frames, in the scene's world."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int32, Int64, UInt8

from egodepth.foundation.errors import InputError
from egodepth.foundation.reading import read_npz
from egodepth.sfm.clip_map import ClipMap
from egodepth.video.arrays import write_arrays

_FEWEST_SIGHTINGS = 2
"""Least number of observations: one ray has no point."""


@dataclass(frozen=True, kw_only=True)
class TrackedPoints:
    """Points with their tracks; positions are in the scene's world and unit."""

    xyz: Float64[np.ndarray, "n 3"]
    rgb: UInt8[np.ndarray, "n 3"]
    held_out: Bool[np.ndarray, " n"]
    """Points that no training saw."""
    observations: Int32[np.ndarray, "m 2"]
    """(frame, point) of every observation, both by position in the scene, sorted."""
    rays: Float32[np.ndarray, "m 2"]
    """Where each observation lies: x/z and y/z in the frame's axes."""

    def of_frame(self, position: int) -> slice:
        """Return the range of the observations of the frame at a position."""
        first, last = np.searchsorted(self.observations[:, 0], [position, position + 1]).tolist()
        return slice(first, last)

    def save(self, path: Path) -> None:
        """Write an NPZ file, completely or not at all."""
        write_arrays(path, vars(self))

    def check(self, frames: int) -> None:
        """Raise ValueError if the arrays do not fit together, or to so many frames."""
        count, seen = len(self.xyz), len(self.observations)
        wanted = {
            "xyz": ((count, 3), np.float64),
            "rgb": ((count, 3), np.uint8),
            "held_out": ((count,), np.bool_),
            "observations": ((seen, 2), np.int32),
            "rays": ((seen, 2), np.float32),
        }
        for name, (shape, dtype) in wanted.items():
            array = getattr(self, name)
            if array.shape != shape or array.dtype != dtype or not np.isfinite(array).all():
                raise ValueError(f"{name} of {array.dtype} {array.shape}")
        if ((self.observations < 0) | (self.observations >= (frames, count))).any():
            raise ValueError("observations of frames or points that do not exist")
        if (np.diff(self.observations[:, 0]) < 0).any():
            raise ValueError("observations that are not sorted by frame")

    @classmethod
    def load(cls, path: Path, frames: int) -> "TrackedPoints":
        """Read the result of `save` for a scene of so many frames; `InputError` if it is damaged."""
        try:
            arrays = read_npz(path)
            points = cls(**{name: arrays[name] for name in ("xyz", "rgb", "held_out", "observations", "rays")})
            points.check(frames)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path}: damaged or missing ({error}); run egodepth video again") from error
        return points


def points_of_row(
    clip_map: ClipMap,
    numbers: list[int],
    units: Float64[np.ndarray, " f"],
    poses: Float64[np.ndarray, "f 4 4"],
) -> TrackedPoints | None:
    """Return the points that the frames of a row observe, in the row's world; None without any.

    Where all poses come from the map, the row's world is the map's world, moved and scaled. Where the pose network
    joins stretches of the map, each stretch has its own motion. A point then belongs to the stretch that observes it
    most, and keeps the observations of that stretch.

    Args:
        clip_map: the map.
        numbers: the frame numbers of the row.
        units: the unit of the row's poses over that of the map, for each frame; NaN without a pose in the map.
        poses: world-from-camera poses of the row.
    """
    places = [clip_map.find(number) for number in numbers]
    stretch = _stretches(clip_map, places, units)
    frame_of_place = np.full(len(clip_map.frames), -1)
    for frame, place in enumerate(places):
        if place is not None and stretch[frame] >= 0:
            frame_of_place[place] = frame
    points = clip_map.points
    frame, point = frame_of_place[points.observations[:, 0]], points.observations[:, 1].astype(np.int64)
    seen = (frame >= 0) & np.isfinite(points.rays).all(1)
    frame, point, rays = frame[seen], point[seen], points.rays[seen]
    home = _most_frequent(stretch[frame], point, len(points.xyz))
    kept = stretch[frame] == home[point]
    frame, point, rays = frame[kept], point[kept], rays[kept]
    tracked = np.bincount(point, minlength=len(points.xyz)) >= _FEWEST_SIGHTINGS
    if not tracked.any():
        return None
    xyz = np.zeros_like(points.xyz)
    for number in np.unique(home[tracked]).tolist():
        first = int(np.flatnonzero(stretch == number)[0])
        own = home == number
        xyz[own] = _moved(points.xyz[own], clip_map.world_from_camera[places[first]], poses[first], units[first])
    kept, number = tracked[point], np.cumsum(tracked) - 1
    observations = np.stack([frame[kept], number[point[kept]]], 1).astype(np.int32)
    order = np.lexsort(observations.T[::-1])
    return TrackedPoints(
        xyz=xyz[tracked],
        rgb=points.rgb[tracked],
        held_out=clip_map.held_out[tracked],
        observations=observations[order],
        rays=rays[kept][order],
    )


def _stretches(
    clip_map: ClipMap, places: list[int | None], units: Float64[np.ndarray, " f"]
) -> Int64[np.ndarray, " f"]:
    """Return the stretch of each frame, -1 for none: consecutive frames with poses in one part of the map."""
    part = [
        int(clip_map.part[place]) if place is not None and np.isfinite(unit) else -1
        for place, unit in zip(places, units.tolist(), strict=True)
    ]
    breaks = np.array([0, *(here != there for here, there in pairwise(part))])
    return np.where(np.array(part) >= 0, np.cumsum(breaks), -1)


def _most_frequent(
    stretch: Int64[np.ndarray, " m"], point: Int64[np.ndarray, " m"], count: int
) -> Int64[np.ndarray, " n"]:
    """Return the stretch with the most observations of each point; -1 for points without any."""
    home, most = np.full(count, -1), np.zeros(count, np.int64)
    for number in np.unique(stretch).tolist():
        here = np.bincount(point[stretch == number], minlength=count)
        home[here > most] = number
        most = np.maximum(most, here)
    return home


def _moved(
    xyz: Float64[np.ndarray, "n 3"],
    map_from_camera: Float64[np.ndarray, "4 4"],
    world_from_camera: Float64[np.ndarray, "4 4"],
    unit: float,
) -> Float64[np.ndarray, "n 3"]:
    """Return points of the map in the row's world, by one frame's pose in both."""
    local = unit * (xyz - map_from_camera[:3, 3]) @ map_from_camera[:3, :3]
    return local @ world_from_camera[:3, :3].T + world_from_camera[:3, 3]
