"""The files of a scene: scene.json, the cloud, tracked points, and depth."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from egodepth.foundation.ply_files import read_ply, write_ply
from egodepth.video.scene.scene import Scene
from egodepth.video.scene.tracked_points import TrackedPoints
from fuzz.harness import Parser
from video.scene_files import write_scene_folder

_FRAMES = 3


def _prepare(name: str) -> Callable[[Path], Mapping[str, Sequence[bytes]]]:
    def prepare(folder: Path) -> Mapping[str, Sequence[bytes]]:
        clip = write_scene_folder(folder, frames=_FRAMES)
        points = TrackedPoints(
            xyz=np.ones((4, 3)),
            rgb=np.zeros((4, 3), np.uint8),
            held_out=np.zeros(4, bool),
            observations=np.array([[frame, point] for frame in range(_FRAMES) for point in range(4)], np.int32),
            rays=np.zeros((4 * _FRAMES, 2), np.float32),
        )
        points.save(clip / "points.npz")
        some = np.ones((5, 3), np.float32)
        write_ply(clip / "small.ply", some, some.astype(np.uint8), confidence=some[:, 0], frames=some[:, 0])
        return {f"clip/{name}": [(clip / name).read_bytes()]}

    return prepare


def _read_scene(folder: Path) -> None:
    scene = Scene.open(folder / "clip")
    assert np.isfinite(scene.world_from_camera).all()
    for frame in scene.frames:
        assert frame.depth.resolve().is_relative_to(folder.resolve())


def _read_points(folder: Path) -> None:
    points = TrackedPoints.load(folder / "clip" / "points.npz", _FRAMES)
    assert len(points.xyz[points.observations[:, 1]]) == len(points.rays)


def _read_cloud(folder: Path) -> None:
    assert len(read_ply(folder / "clip" / "small.ply")) < 1000


def _read_maps(folder: Path) -> None:
    scene = Scene.open(folder / "clip")
    maps = scene.maps(scene.frames[0])
    assert (maps.depth > 0).all()
    assert maps.depth.shape == maps.confidence.shape


PARSERS = (
    Parser("scene.json", _prepare("scene.json"), _read_scene),
    Parser("scene points.npz", _prepare("points.npz"), _read_points),
    Parser("scene cloud.ply", _prepare("small.ply"), _read_cloud),
    Parser("scene depth .npz", _prepare("depth/000000.npz"), _read_maps),
)
