"""A recording after the first pass: all frames in one scale, and the camera's trajectory."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64

from egodepth.data.media.frame_numbers import spread_places
from egodepth.geometry import Camera
from egodepth.inference.common_scales import CommonScales, sampled
from egodepth.video.camera_path import RowTrajectory
from egodepth.video.clip_geometry import Geometry
from egodepth.video.confidence import Trust, trust
from egodepth.video.depth_maps import FrameMaps, depth_change, maps_path
from egodepth.video.error_cues import ClipCues
from egodepth.video.error_model import UNADAPTED, Adaptation
from egodepth.video.hint_scales import HintScales
from egodepth.video.recording import Recording
from egodepth.video.scale_alignment import MEMORY_SECONDS, Flicker, aligned_factors, typical_changes
from egodepth.video.steady_depth import PosedDepth, SteadyDepth

_FLICKER_PAIRS = 300
"""Number of frame pairs whose flicker is measured."""
_SCALE_FRAMES = 200
"""Number of evenly spaced frames from which the scale of colours and PNGs is computed."""


class Trajectory(NamedTuple):
    """The camera's trajectory over the frames of a row."""

    seconds: Float64[np.ndarray, " f"]
    world_from_camera: Float64[np.ndarray, "f 4 4"]

    @property
    def length(self) -> float:
        """Path length over all frames."""
        return float(np.linalg.norm(np.diff(self.world_from_camera[:, :3, 3], axis=0), axis=1).sum())


@dataclass(frozen=True)
class Aligned:
    """Common data of all frames of a recording."""

    maps: Path
    """Folder of the frames' maps."""
    seconds: Float64[np.ndarray, " n"]
    rows: Int64[np.ndarray, " n"]
    """The row that each frame belongs to, -1 for none."""
    factors: Float64[np.ndarray, " n"]
    """Factor on the depth of each frame that brings all frames to one scale."""
    hint_scales: HintScales | None
    """Further corrections by the hints; None without geometry."""
    changes: list[Float[np.ndarray, " _"]]
    """See `FrameMaps.change`."""
    row_trajectories: list[RowTrajectory]
    """Trajectory of the extracted frames of each row."""
    camera: Camera
    steady: bool
    """Whether the displayed depth is filtered over time."""
    reach: int
    """Offset in frames to the two frames that a frame is compared with."""
    adapted: Adaptation = UNADAPTED
    """Of the expected error, for a model of other clips (`point_checks.adaptation`)."""

    @classmethod
    def of(
        cls,
        recording: Recording,
        maps: Path,
        count: int,
        row_trajectories: list[RowTrajectory],
        geometry: Geometry | None = None,
        reach: int = 1,
        steady: bool = False,
    ) -> "Aligned":
        """Align the `count` frames with maps in a folder: by the hints if there is geometry, else with each other."""
        seconds, rows, changes = np.zeros(count), np.zeros(count, np.int64), []
        for place in range(count):
            frame = FrameMaps.read(maps_path(maps, place))
            seconds[place], rows[place] = frame.seconds, frame.row
            changes.append(frame.change)
        if geometry is None:
            by_hints = None
            memory = max(1.0, MEMORY_SECONDS * recording.footage.rate)
            factors = aligned_factors(typical_changes(changes), memory)
        else:
            by_hints = HintScales(
                recording, geometry, maps, rows, row_trajectories, lambda time: _place_of(time, seconds)
            )
            factors = np.exp(by_hints.scale_logs)
        camera = recording.drive.camera
        return cls(maps, seconds, rows, factors, by_hints, changes, row_trajectories, camera, steady, reach)

    def frame(self, place: int) -> FrameMaps:
        """Return the displayed maps of a frame: in the common scale, corrected by its hints, filtered over time."""
        if not self.steady:
            return self.unfiltered_frame(place)
        return self.network_frame(place)._replace(inverse_depth=self._filter.inverse_depth(place))

    def unfiltered_frame(self, place: int) -> FrameMaps:
        """Return the maps of a frame in the common scale and corrected by its hints, before the filter over time."""
        return self.cues.shown(place).corrected

    def network_frame(self, place: int) -> FrameMaps:
        """Return the maps of a frame in the common scale, with the network's depth alone."""
        maps = FrameMaps.read(maps_path(self.maps, place))
        return maps._replace(inverse_depth=maps.inverse_depth / np.float32(self.factors[place]))

    def trust(self, place: int) -> Trust:
        """Return how far the displayed depth of a frame can be trusted."""
        return trust(self.cues.of(place), self.hint_scales is not None, self.adapted)

    @cached_property
    def cues(self) -> ClipCues:
        """What the expected error of every frame is computed from."""
        return ClipCues(self.network_frame, self.hint_scales, self._motion, self.rows, self.camera, self.reach)

    def scales(self, metric: bool) -> CommonScales:
        """Return the scales of the colours and the PNGs, common to all frames."""
        places = spread_places(len(self.seconds), _SCALE_FRAMES)
        return CommonScales.of(
            np.concatenate([sampled(self.unfiltered_frame(place).inverse_depth) for place in places]), metric
        )

    def place_of(self, seconds: float) -> int:
        """Return the frame that is shown at a time."""
        return _place_of(seconds, self.seconds)

    @cached_property
    def predicted_flicker(self) -> Flicker:
        """Flicker of the depth as predicted, each frame in its own scale."""
        return Flicker.of(self.changes)

    @cached_property
    def unfiltered_flicker(self) -> Flicker:
        """Flicker before the filter over time. If depth follows hints, it is measured at some evenly spaced frames."""
        if self.hint_scales is None:
            return Flicker.of(self.changes, self.factors)
        return self._measured_flicker(self.unfiltered_frame)

    @cached_property
    def flicker(self) -> Flicker:
        """Flicker of the displayed depth. If it is filtered, it is measured at some evenly spaced frames."""
        return self._measured_flicker(self.frame) if self.steady else self.unfiltered_flicker

    def _measured_flicker(self, frame: Callable[[int], FrameMaps]) -> Flicker:
        frame = lru_cache(2)(frame)
        pairs = [place for place, change in enumerate(self.changes) if np.isfinite(change).any()]
        changes: list[Float[np.ndarray, " _"]] = [np.empty(0)] * len(self.changes)
        for place in (pairs[index] for index in spread_places(len(pairs), _FLICKER_PAIRS)):
            here, there = (torch.from_numpy(frame(each).inverse_depth) for each in (place, place + 1))
            changes[place] = depth_change(here, there, self._motion(place, place + 1), self.camera).numpy()
        return Flicker.of(changes)

    @cached_property
    def _filter(self) -> SteadyDepth:
        def posed(place: int) -> PosedDepth:
            row = int(self.rows[place])
            pose = self._poses[place] if row >= 0 else np.eye(4)
            return PosedDepth(row, self.unfiltered_frame(place).inverse_depth, pose)

        return SteadyDepth(posed, len(self.seconds), self.camera)

    def _motion(self, here: int, there: int) -> Float[torch.Tensor, "4 4"]:
        """Return there_from_here for two frames of one row."""
        return torch.from_numpy(np.linalg.solve(self._poses[there], self._poses[here])).float()

    @cached_property
    def _poses(self) -> Float64[np.ndarray, "n 4 4"]:
        """World-from-camera poses of all frames, NaN in no row."""
        poses = np.full((len(self.rows), 4, 4), np.nan)
        for row, trajectory in enumerate(self.trajectories):
            poses[self.rows == row] = trajectory.world_from_camera
        return poses

    @cached_property
    def row_poses(self) -> list[Float64[np.ndarray, "_ 4 4"]]:
        """World-from-camera poses of the extracted frames of each row, in the common scale of the depth."""
        return [
            trajectory.poses(self.factors[[self.place_of(seconds) for seconds in trajectory.seconds]])
            for trajectory in self.row_trajectories
        ]

    @cached_property
    def trajectories(self) -> list[Trajectory]:
        """Trajectory over all frames of each row."""
        trajectories = []
        for row, (trajectory, poses) in enumerate(zip(self.row_trajectories, self.row_poses, strict=True)):
            seconds = self.seconds[self.rows == row]
            trajectories.append(
                Trajectory(seconds, np.stack([trajectory.at(time, poses) for time in seconds.tolist()]))
            )
        return trajectories


def _place_of(seconds: float, of_frames: Float64[np.ndarray, " n"]) -> int:
    """Return the frame that is shown at a time."""
    after = int(np.searchsorted(of_frames, seconds))
    beside = [place for place in (after - 1, after) if 0 <= place < len(of_frames)]
    return min(beside, key=lambda place: abs(of_frames[place] - seconds))
