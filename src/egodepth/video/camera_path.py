"""Where the camera was at any time: by structure from motion or the pose network, and on the way between two frames."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor

from egodepth.geometry import transform_from_twist, twist_of
from egodepth.inference.motion import MotionPredictor
from egodepth.sfm.clip_map import ClipMap
from egodepth.video.arrays import read_arrays, write_arrays
from egodepth.video.recording import Row

_PAIRS = 8
"""Pairs of frames that go through the pose network together."""
_AT_ONCE = 1e-3
"""Seconds: two frames nearer in time than this are the same one."""


@dataclass(frozen=True)
class RowTrack:
    """The camera's way along a row of extracted frames."""

    seconds: Float64[np.ndarray, " n"]
    twists: Float64[np.ndarray, "m 6"]
    """From each frame to the next: logarithm of next_from_this, in units of this frame's predicted depth, as nearly as
    the pose network knows them (or a scale by the distance driven has advance: `MetricScale.motion`)."""
    units: Float64[np.ndarray, " k"] = field(default_factory=lambda: np.empty(0))
    """Of each frame, the network's unit of depth over that of the map by structure from motion; NaN without a pose in
    it. Empty where there is no map. With a map, all twists are in the unit that the depth of all frames is brought to.
    """

    def poses(self, factors: Float64[np.ndarray, " n"] | None = None) -> Float64[np.ndarray, "n 4 4"]:
        """World from camera of the row's frames; the first one's axes are the world's.

        `factors` are what the depth of each frame has to be multiplied by for all to be in one unit; the twists follow
        it, unless they are in that unit already.
        """
        twists = self.twists.copy()
        if factors is not None and not len(self.units):
            twists[:, 3:] *= factors[:-1, None]
        poses = [np.eye(4)]
        for step in transform_from_twist(torch.from_numpy(-twists)).numpy():
            poses.append(poses[-1] @ step)
        return np.stack(poses)

    def covers(self, seconds: float) -> bool:
        """Whether a time lies between the row's first and its last frame."""
        return bool(self.seconds[0] - _AT_ONCE <= seconds <= self.seconds[-1] + _AT_ONCE)

    def at(self, seconds: float, poses: Float64[np.ndarray, "n 4 4"]) -> Float64[np.ndarray, "4 4"]:
        """World from camera at a time that the row covers: on the way from the frame before it to the one after."""
        place = int(np.clip(np.searchsorted(self.seconds, seconds, side="right") - 1, 0, len(self.twists) - 1))
        begin, end = self.seconds[place : place + 2]
        share = float(np.clip((seconds - begin) / max(end - begin, 1e-9), 0, 1))
        # The step between the two poses, so that the way passes through both whatever unit they are in.
        step = torch.from_numpy(np.linalg.solve(poses[place], poses[place + 1]))
        return poses[place] @ transform_from_twist(share * twist_of(step)).numpy()

    def between(self, here: float, there: float, poses: Float64[np.ndarray, "n 4 4"]) -> Float[Tensor, "4 4"]:
        """there_from_here of two times that the row covers."""
        return torch.from_numpy(np.linalg.solve(self.at(there, poses), self.at(here, poses))).float()


def row_track(
    motion: MotionPredictor,
    row: Row,
    read: Callable[[int], Float[Tensor, "3 h w"]],
    apart: int,
    advance: Callable[[int], None],
) -> RowTrack:
    """The track of a row of at least two frames.

    Args:
        motion: between two frames.
        row: the frames.
        read: the image of a frame in [0, 1], by its number.
        apart: how many frames lie between those that the pose network learned from. Each step of the row is the mean
            of the shares that it has in the pairs which contain it.
        advance: called for every frame that was looked at.
    """
    apart = min(apart, len(row.numbers) - 1)
    pairs: list[Tensor] = []
    images: list[Tensor] = []
    for place, number in enumerate(row.numbers, 1):
        images.append(read(number))
        if len(images) == apart + _PAIRS or (place == len(row.numbers) and len(images) > apart):
            pairs.append(motion(torch.stack(images[:-apart]), torch.stack(images[apart:])))
            images = images[-apart:]
        advance(1)
    shares = twist_of(torch.cat(pairs).double()).numpy() / apart
    twists = [shares[max(0, step - apart + 1) : step + 1].mean(0) for step in range(len(row.numbers) - 1)]
    return RowTrack(row.seconds, np.stack(twists))


def mapped_track(
    row: Row, clip_map: ClipMap, units: Float64[np.ndarray, " n"], learned: Callable[[], RowTrack]
) -> RowTrack:
    """The track of a row by structure from motion.

    Args:
        row: the frames.
        clip_map: their poses.
        units: see `RowTrack.units`.
        learned: gives the track by the pose network, asked only where two frames in a row have no poses in one part.
    """
    places = [clip_map.find(number) for number in row.numbers]
    twists = np.full((len(places) - 1, 6), np.nan)
    for step, (here, there) in enumerate(pairwise(places)):
        if here is not None and there is not None and clip_map.part[here] == clip_map.part[there]:
            next_from_this = np.linalg.solve(*clip_map.world_from_camera[[there, here]])
            next_from_this[:3, 3] *= units[step]
            twists[step] = twist_of(torch.from_numpy(next_from_this)).numpy()
    unknown = np.isnan(twists).any(1)
    if unknown.any():
        twists[unknown] = learned().twists[unknown]
    return RowTrack(row.seconds, twists, units)


def write_tracks(path: Path, tracks: list[RowTrack]) -> None:
    """Write the tracks of a recording's rows, whole or not at all."""
    write_arrays(
        path,
        {
            f"{name}_{row}": values
            for row, track in enumerate(tracks)
            for name, values in (("seconds", track.seconds), ("twists", track.twists), ("units", track.units))
        },
    )


def read_tracks(path: Path) -> list[RowTrack]:
    """Read what `write_tracks` wrote; `InputError` where that is damaged."""
    arrays = read_arrays(path)
    names = ("seconds", "twists", "units")
    return [RowTrack(*(arrays[f"{name}_{row}"] for name in names)) for row in range(len(arrays) // len(names))]
