"""A scene: frames of one camera with poses, depth, points and a cloud in one world, as `egodepth video` wrote them."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float32, Float64, UInt8

from egodepth.data.media.frame_numbers import spread_places
from egodepth.data.readers.folder import FolderDrive
from egodepth.foundation.errors import InputError, require
from egodepth.foundation.ply_files import read_ply
from egodepth.foundation.reading import read_json, read_npz
from egodepth.geometry import Camera
from egodepth.inference.predictor import at_size
from egodepth.video.cloud.point_cloud import Cloud
from egodepth.video.scene.tracked_points import TrackedPoints

SCENE = "scene.json"
FORMAT = "egodepth-scene-1"
_AGAIN = "run egodepth video again, into another --out"
_ROUNDING, _FARTHEST = 1e-6, 1e9
"""Largest deviation of a pose from a rigid motion, and largest position."""
_LARGEST_NUMBER = 10**18
"""Largest number of a frame, as of image files."""


class SceneFrame(NamedTuple):
    """One frame of a scene."""

    number: int
    """Number of the image file."""
    seconds: float
    """Time in the recording."""
    depth: Path
    """NPZ file with its depth."""
    world_from_camera: Float64[np.ndarray, "4 4"]


class SceneMaps(NamedTuple):
    """Depth of a frame at the network's size."""

    depth: Float32[np.ndarray, "h w"]
    """z along the axis, in the unit of the scene."""
    confidence: Float32[np.ndarray, "h w"]
    """Probability that depth is within 10 %."""
    expected_error: Float32[np.ndarray, "h w"]
    """Expected relative error of the depth."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """All about one row of frames. The world has the axes of the first camera: x right, y down, z forward."""

    name: str
    folder: Path
    """What `egodepth video` wrote for the clip."""
    drive: FolderDrive
    """The images; their camera is a pinhole camera, without lens distortion."""
    frames: tuple[SceneFrame, ...]
    metric: bool
    """Lengths are in metres; otherwise in a unit that is known up to one factor."""
    cloud_file: Path | None
    points_file: Path | None

    @classmethod
    def open(cls, folder: Path, row: int | None = None) -> "Scene":
        """Open what `egodepth video` wrote for a clip.

        Args:
            folder: the folder with `scene.json`, or the command's output folder if it was given one clip.
            row: the row of frames without a break, from 1; None: the one with the most frames.

        Raises:
            InputError: no such folder, a damaged one, frames that are gone, or no such row.
        """
        file = scene_file(folder)
        try:
            content = read_json(file)
            require(content["format"] == FORMAT, f"{file}: of another version of egodepth; {_AGAIN}")
            rows = content["rows"]
            chosen = _row(file, rows, row)
            frames = tuple(_frame(file.parent, frame) for frame in chosen["frames"])
            name, metric = str(content["name"]), bool(content["metric"])
            images = _inside(file.parent, content["images"])
            are_there = images.is_dir()
            cloud, points = (chosen[key] and _inside(file.parent, chosen[key]) for key in ("cloud", "points"))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            raise InputError(f"{file}: not a scene of egodepth video ({error}); {_AGAIN}") from error
        require(len(frames) > 0, f"{file}: a scene without frames; {_AGAIN}")
        require(are_there, f"{images}: the frames of this scene are gone; keep them where they were, or {_AGAIN}")
        drive = FolderDrive(images)
        gone = next((frame.number for frame in frames if frame.number not in drive.frames), None)
        require(gone is None, f"{images}: frame {gone} of this scene is gone; keep all frames, or {_AGAIN}")
        return cls(
            name=name,
            folder=file.parent,
            drive=drive,
            frames=frames,
            metric=metric,
            cloud_file=cloud,
            points_file=points,
        )

    @property
    def camera(self) -> Camera:
        """The camera of all frames."""
        return self.drive.camera

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the images."""
        return self.drive.size

    @property
    def unit(self) -> str:
        """Unit of all lengths."""
        return "metres" if self.metric else "units up to scale"

    @property
    def world_from_camera(self) -> Float64[np.ndarray, "f 4 4"]:
        """Poses of all frames."""
        return np.stack([frame.world_from_camera for frame in self.frames])

    def image(self, frame: SceneFrame) -> UInt8[np.ndarray, "h w 3"]:
        """Return a frame's image without lens distortion."""
        return self.drive.read_image(frame.number)

    def maps(self, frame: SceneFrame) -> SceneMaps:
        """Return a frame's depth; `InputError` if its file is missing or damaged."""
        try:
            arrays = read_npz(frame.depth, SceneMaps._fields)
            maps = SceneMaps(*(arrays[name].astype(np.float32) for name in SceneMaps._fields))
        except (OSError, ValueError, KeyError) as error:
            reason = "is gone" if isinstance(error, FileNotFoundError) else "cannot be read"
            raise InputError(f"{frame.depth}: the depth of this scene {reason}; {_AGAIN}, with --files npz") from error
        fits = all(values.ndim == 2 and values.size and values.shape == maps.depth.shape for values in maps)
        require(fits, f"{frame.depth}: its arrays differ in shape, or are empty; {_AGAIN}")
        known = np.isfinite(maps).all() and (maps.depth > 0).all()
        require(bool(known), f"{frame.depth}: not all of its values are depth; {_AGAIN}")
        return maps

    def full_depth(self, maps: SceneMaps) -> Float32[np.ndarray, "h w"]:
        """Return a frame's depth at the size of the images."""
        inverse_depth = torch.from_numpy(1 / maps.depth)
        return 1 / at_size(inverse_depth[None], self.size)[0].numpy()

    def some(self, count: int) -> list[SceneFrame]:
        """Return at most so many frames, evenly spread."""
        return [self.frames[place] for place in spread_places(len(self.frames), count)]

    @cached_property
    def cloud(self) -> Cloud:
        """The fused cloud.

        Raises:
            InputError: there is none, it is damaged, or it has no points.
        """
        require(self.cloud_file is not None, f"{self.folder}: made with --no-cloud, and this needs the cloud; {_AGAIN}")
        assert self.cloud_file is not None
        vertices = read_ply(self.cloud_file)
        try:
            xyz = np.stack([vertices[axis] for axis in "xyz"], 1)
            rgb = np.stack([vertices[name] for name in ("red", "green", "blue")], 1)
            cloud = Cloud(xyz, rgb, vertices["confidence"], vertices["frames"], float("nan"))
        except (ValueError, KeyError) as error:
            raise InputError(f"{self.cloud_file}: not a cloud of egodepth video; {_AGAIN}") from error
        require(len(xyz) > 0, f"{self.cloud_file}: a cloud of no points; fuse another with egodepth cloud")
        return cloud

    @cached_property
    def points(self) -> TrackedPoints | None:
        """Points of structure from motion with their tracks; None if it gave none."""
        return None if self.points_file is None else TrackedPoints.load(self.points_file, len(self.frames))


def scene_file(folder: Path) -> Path:
    """Return the path of `scene.json` in a clip's folder, or in the only clip's folder of a command's output."""
    if (folder / SCENE).is_file():
        return folder / SCENE
    require(folder.is_dir(), f"{folder}: is no folder; give what egodepth video wrote for a clip, such as OUT/NAME")
    inside = sorted(folder.glob(f"*/{SCENE}"))
    require(len(inside) > 0, f"{folder}: has no {SCENE}; give what egodepth video wrote for a clip, such as OUT/NAME")
    names = ", ".join(str(path.parent) for path in inside)
    require(len(inside) == 1, f"{folder}: holds several clips; give one of {names}")
    return inside[0]


def _row(file: Path, rows: list[dict[str, Any]], row: int | None) -> dict[str, Any]:
    if row is None:
        return max(rows, key=lambda each: len(each["frames"]))
    require(1 <= row <= len(rows), f"{file}: has rows 1 to {len(rows)}, no row {row}")
    return rows[row - 1]


def _frame(folder: Path, values: dict[str, Any]) -> SceneFrame:
    pose = np.array(values["world_from_camera"], np.float64)
    if pose.shape != (4, 4) or not np.isfinite(pose).all() or np.abs(pose).max() > _FARTHEST:
        raise ValueError("a pose that is none")
    rotation = pose[:3, :3]
    if np.abs(rotation.T @ rotation - np.eye(3)).max() > _ROUNDING or np.linalg.det(rotation) < 0:
        raise ValueError("a pose that does not keep lengths")
    number, seconds = int(values["number"]), float(values["seconds"])
    if not 0 <= number <= _LARGEST_NUMBER:
        raise ValueError(f"a frame of number {number:g}")
    return SceneFrame(number, seconds, _inside(folder, values["depth"]), pose)


def _inside(folder: Path, name: Any) -> Path:
    """Return the path of a file of a scene; ValueError if it lies outside of the output of the command."""
    path = folder / str(name)
    if not path.resolve().is_relative_to(folder.parent.resolve()):
        raise ValueError(f"{name} lies outside of the folder")
    return path
