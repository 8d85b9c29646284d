"""Camera poses at any time: from structure from motion or the pose network, interpolated between frames."""

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
"""Number of frame pairs in one batch of the pose network."""
_AT_ONCE = 1e-3
"""Seconds within which two frames are the same one."""


@dataclass(frozen=True)
class RowTrajectory:
    """The camera's trajectory over a row of extracted frames."""

    seconds: Float64[np.ndarray, " n"]
    twists: Float64[np.ndarray, "m 6"]
    """Motion from each frame to the next: logarithm of next_from_this, in units of this frame's predicted depth, as far
    as the pose network knows them, or as a scale by the distance driven corrects them (`MetricScale.motion`)."""
    units: Float64[np.ndarray, " k"] = field(default_factory=lambda: np.empty(0))
    """For each frame, the network's unit of depth over that of the map from structure from motion; NaN without a pose
    in it. Empty without a map. With a map, all twists are in the common unit of all frames' depth."""

    def poses(self, factors: Float64[np.ndarray, " n"] | None = None) -> Float64[np.ndarray, "n 4 4"]:
        """Return the world-from-camera poses of the row's frames; the world has the axes of the first camera.

        `factors` bring the depth of each frame to one unit. The twists are multiplied by them, unless they are in that
        unit already.
        """
        twists = self.twists.copy()
        if factors is not None and not len(self.units):
            twists[:, 3:] *= factors[:-1, None]
        poses = [np.eye(4)]
        for step in transform_from_twist(torch.from_numpy(-twists)).numpy():
            poses.append(poses[-1] @ step)
        return np.stack(poses)

    def covers(self, seconds: float) -> bool:
        """Whether a time is between the row's first and last frame."""
        return bool(self.seconds[0] - _AT_ONCE <= seconds <= self.seconds[-1] + _AT_ONCE)

    def at(self, seconds: float, poses: Float64[np.ndarray, "n 4 4"]) -> Float64[np.ndarray, "4 4"]:
        """Return the world-from-camera pose at a time that the row covers, interpolated between two frames."""
        place = int(np.clip(np.searchsorted(self.seconds, seconds, side="right") - 1, 0, len(self.twists) - 1))
        begin, end = self.seconds[place : place + 2]
        share = float(np.clip((seconds - begin) / max(end - begin, 1e-9), 0, 1))
        # The step between the two poses, so that the trajectory passes through both in any unit.
        step = torch.from_numpy(np.linalg.solve(poses[place], poses[place + 1]))
        return poses[place] @ transform_from_twist(share * twist_of(step)).numpy()

    def between(self, here: float, there: float, poses: Float64[np.ndarray, "n 4 4"]) -> Float[Tensor, "4 4"]:
        """Return there_from_here for two times that the row covers."""
        return torch.from_numpy(np.linalg.solve(self.at(there, poses), self.at(here, poses))).float()


def row_trajectory(
    motion: MotionPredictor,
    row: Row,
    read: Callable[[int], Float[Tensor, "3 h w"]],
    offset: int,
    advance: Callable[[int], None],
) -> RowTrajectory:
    """Return the trajectory of a row of at least two frames by the pose network.

    Args:
        motion: predicts the motion between two frames.
        row: the frames.
        read: returns the image of a frame number, in [0, 1].
        offset: offset in frames between the pairs of the pose network's training. Each step of the row is the mean of
            its shares in the pairs that contain it.
        advance: callback, called with 1 for every frame that is read.
    """
    offset = min(offset, len(row.numbers) - 1)
    pairs: list[Tensor] = []
    images: list[Tensor] = []
    for place, number in enumerate(row.numbers, 1):
        images.append(read(number))
        if len(images) == offset + _PAIRS or (place == len(row.numbers) and len(images) > offset):
            pairs.append(motion(torch.stack(images[:-offset]), torch.stack(images[offset:])))
            images = images[-offset:]
        advance(1)
    shares = twist_of(torch.cat(pairs).double()).numpy() / offset
    twists = [shares[max(0, step - offset + 1) : step + 1].mean(0) for step in range(len(row.numbers) - 1)]
    return RowTrajectory(row.seconds, np.stack(twists))


def mapped_trajectory(
    row: Row, clip_map: ClipMap, units: Float64[np.ndarray, " n"], learned: Callable[[], RowTrajectory]
) -> RowTrajectory:
    """Return the trajectory of a row from structure from motion.

    Args:
        row: the frames.
        clip_map: their poses.
        units: see `RowTrajectory.units`.
        learned: returns the trajectory by the pose network; called only if two consecutive frames have no poses in one
            part.
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
    return RowTrajectory(row.seconds, twists, units)


def write_row_trajectories(path: Path, trajectories: list[RowTrajectory]) -> None:
    """Write the trajectories of a recording's rows, complete or not at all."""
    write_arrays(
        path,
        {
            f"{name}_{row}": values
            for row, trajectory in enumerate(trajectories)
            for name, values in (
                ("seconds", trajectory.seconds),
                ("twists", trajectory.twists),
                ("units", trajectory.units),
            )
        },
    )


def read_row_trajectories(path: Path) -> list[RowTrajectory]:
    """Read the result of `write_row_trajectories`; `InputError` if it is damaged."""
    arrays = read_arrays(path)
    names = ("seconds", "twists", "units")
    return [RowTrajectory(*(arrays[f"{name}_{row}"] for name in names)) for row in range(len(arrays) // len(names))]
