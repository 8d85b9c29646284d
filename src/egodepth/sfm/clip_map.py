"""The map of a recording from structure from motion: the pose of every frame, and sparse points."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float64, Int32, Int64

from egodepth.foundation.errors import InputError
from egodepth.foundation.files import replacing
from egodepth.geometry import Camera
from egodepth.sfm.structures import SparsePoints

FORMAT = 2
HELD_OUT = 10
"""One point in so many is held out of every training, for evaluation."""


@dataclass(frozen=True, kw_only=True)
class ClipMap:
    """Poses and points of one recording. Axes: x right, y down, z forward.

    A recording may consist of several parts without common points. Every part has its own unit of length; the ratio of
    two parts' units is unknown.
    """

    frames: Int64[np.ndarray, " f"]
    """Numbers of the frames with a pose, ascending."""
    part: Int32[np.ndarray, " f"]
    """Part of each frame, 0 for the part with the most frames."""
    registered: Bool[np.ndarray, " f"]
    """False if the pose was interpolated between the neighbours' poses."""
    world_from_camera: Float64[np.ndarray, "f 4 4"]
    """Poses in the unit of the part."""
    points: SparsePoints
    """`observations` are (position in `frames`, point)."""

    @cached_property
    def held_out(self) -> Bool[np.ndarray, " n"]:
        """Points that no training may see: every tenth, in the order of the points."""
        return np.arange(len(self.points.xyz)) % HELD_OUT == 0

    @cached_property
    def part_of_point(self) -> Int32[np.ndarray, " n"]:
        """Part of each point: that of the frames that observe it."""
        parts = np.zeros(len(self.points.xyz), np.int32)
        frame, point = self.points.observations.T
        parts[point] = self.part[frame]
        return parts

    def find(self, frame: int) -> int | None:
        """Return the position of a frame number; None if the frame has no pose."""
        place = int(np.searchsorted(self.frames, frame))
        return place if place < len(self.frames) and self.frames[place] == frame else None

    def source_from_target(self, target: int, source: int) -> Float64[np.ndarray, "4 4"]:
        """Return the motion between the frames at two positions of one part."""
        return np.linalg.solve(self.world_from_camera[source], self.world_from_camera[target])

    def sightings(self, position: int) -> tuple[Int64[np.ndarray, " k"], Float64[np.ndarray, "k 3"]]:
        """Return the points that the frame at a position observes: numbers, and positions in the camera's axes."""
        first, last = np.searchsorted(self._by_frame[:, 0], [position, position + 1])
        seen = self._by_frame[first:last, 1].astype(np.int64)
        pose = self.world_from_camera[position]
        return seen, (self.points.xyz[seen] - pose[:3, 3]) @ pose[:3, :3]

    def image_points(
        self, position: int, camera: Camera
    ) -> tuple[Int64[np.ndarray, " k"], Float64[np.ndarray, "k 2"], Float64[np.ndarray, " k"]]:
        """Return the points before the camera that a frame observes: numbers, image positions (u, v) and depths.

        Image positions are normalised, and some lie slightly outside. `camera` is unbatched.
        """
        number, local = self.sightings(position)
        before = local[:, 2] > 0
        number, local = number[before], local[before]
        uv = local[:, :2] / local[:, 2:] * camera.focal.numpy() + camera.centre.numpy()
        return number, uv, local[:, 2]

    def largest_part(self) -> "ClipMap":
        """Return the registered frames of part 0 and its points."""
        frames, points = (self.part == 0) & self.registered, self.part_of_point == 0
        seen = self.points.observations[points[self.points.observations[:, 1]]]
        renumbered = np.stack([(np.cumsum(frames) - 1)[seen[:, 0]], (np.cumsum(points) - 1)[seen[:, 1]]], 1)
        return ClipMap(
            frames=self.frames[frames],
            part=self.part[frames],
            registered=self.registered[frames],
            world_from_camera=self.world_from_camera[frames],
            points=SparsePoints(
                xyz=self.points.xyz[points],
                rgb=self.points.rgb[points],
                error_px=self.points.error_px[points],
                track_length=self.points.track_length[points],
                observations=renumbered.astype(np.int32),
                rays=self.points.rays[points[self.points.observations[:, 1]]],
            ),
        )

    @cached_property
    def _by_frame(self) -> Int32[np.ndarray, "m 2"]:
        return self.points.observations[np.argsort(self.points.observations[:, 0], kind="stable")]

    def save(self, path: Path) -> None:
        """Write the map, completely or not at all."""
        points = self.points
        with replacing(path) as beside, beside.open("wb") as file:
            np.savez(
                file,
                format=np.array(FORMAT),
                frames=self.frames,
                part=self.part,
                registered=self.registered,
                world_from_camera=self.world_from_camera,
                xyz=points.xyz,
                rgb=points.rgb,
                error_px=points.error_px,
                track_length=points.track_length,
                observations=points.observations,
                rays=points.rays,
            )

    @classmethod
    def load(cls, path: Path) -> "ClipMap":
        """Read the result of `save`; `InputError` if it is damaged or of another version."""
        try:
            with np.load(path) as arrays:
                if int(arrays["format"]) not in (1, FORMAT):
                    raise ValueError("written by another version")
                known = {name: arrays[name] for name in ("xyz", "rgb", "error_px", "track_length", "observations")}
                # The first version did not store where the observations lie.
                rays = arrays.get("rays", np.full((len(known["observations"]), 2), np.nan, np.float32))
                points = SparsePoints(**known, rays=rays)
                own = {name: arrays[name] for name in ("frames", "part", "registered", "world_from_camera")}
        except Exception as error:  # zipfile, numpy and the code below raise many kinds of exceptions
            raise InputError(
                f"{path}: not a readable map of a recording ({error}); delete it, and it is made again"
            ) from error
        return cls(points=points, **own)
