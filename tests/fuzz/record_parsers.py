"""Manifests, configurations, descriptions and records: tables and JSON."""

import contextlib
import io
import json
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from benchmarks.figures import Figure, Ratio, Result, read_result
from egodepth.config import TrainConfig
from egodepth.config.strict_json import from_json, to_json
from egodepth.data.cameras import write_camera
from egodepth.data.drive import Drive
from egodepth.data.footage.times import frame_times
from egodepth.data.images import write_image
from egodepth.data.opening import open_drives
from egodepth.data.readers.folder import FolderDrive
from egodepth.data.readers.manifest import MANIFEST, open_manifest
from egodepth.data.readers.rendered_set import DATASET_FILE, Description
from egodepth.data.sample_index import FrameRuns
from egodepth.data.storage.prepared import open_prepared
from egodepth.foundation.files import write_text
from egodepth.foundation.trajectory_files import write_kitti_poses
from egodepth.geometry import Camera
from egodepth.video.cloud.inputs import DepthMaps
from egodepth.video.finished_stages import RECORD, StageRecord
from fuzz.camera_parsers import one_file, sane
from fuzz.harness import Parser

_HEADER = "drive,frame,image,camera,partner,depth\n"
_MANIFESTS = (
    f"{_HEADER}walk/a,0,left/0.png,rig.json,right/0.png,depth/0.png\nwalk/a,1,left/1.png,rig.json,,depth/1.npy\n",
    'frame,drive,camera,image\n0,"a, b",rig.json,left/0.png\n7,"a, b",rig.json,left/1.png\n\n',
)


def _write_frames(folder: Path, size: tuple[int, int] = (8, 12)) -> None:
    for frame in range(2):
        write_image(folder / f"{frame}.png", np.full((*size, 3), 90 * frame, np.uint8))


def _prepare_manifest(folder: Path) -> Mapping[str, Sequence[bytes]]:
    for side in ("left", "right"):
        _write_frames(folder / side)
    (folder / "rig.json").write_text(json.dumps({"fov_deg": 80, "partner": {"baseline_m": 0.3}}))
    write_image(folder / "depth" / "0.png", np.full((4, 6), 2560, np.uint16))
    np.save(folder / "depth" / "1.npy", np.full((4, 6), 2.5))
    return one_file(MANIFEST, _MANIFESTS)(folder)


def _read_manifest(folder: Path) -> None:
    for drive in open_manifest(folder):
        assert not {"Cc", "Zl", "Zp"} & set(map(unicodedata.category, drive.name)), drive.name
        sane(drive.camera)
        assert drive.read_image(drive.frames[0]).shape == (*drive.size, 3)
        for frame in list(drive.depth_frames)[:2]:
            depth = drive.read_depth(frame)
            assert np.isfinite(depth).all()
            assert depth.min() >= 0


def _prepare_manifest_depth(folder: Path) -> Mapping[str, Sequence[bytes]]:
    _prepare_manifest(folder)
    arrays = []
    for array in (np.full((4, 6), 2.5), np.full((4, 6), 2.5, "<f4"), np.asfortranarray(np.ones((4, 6), np.float16))):
        stream = io.BytesIO()
        np.save(stream, array)
        arrays.append(stream.getvalue())
    return {"depth/1.npy": arrays, "depth/0.png": [(folder / "depth" / "0.png").read_bytes()]}


def _read_configuration(folder: Path) -> None:
    config = from_json(TrainConfig, (folder / "config.json").read_text(errors="replace"), folder / "config.json")
    assert from_json(TrainConfig, to_json(config)) == config


def _prepare_rendered(folder: Path) -> Mapping[str, Sequence[bytes]]:
    description = Description(seed=1, frames=2, size=(32, 64), partner=False, train=1, val=0, test=0, fov_deg=70.0)
    drive = folder / "train" / "drive_0000"
    drive.mkdir(parents=True)
    write_camera(drive / "camera.json", Camera.from_fov(70.0, (32, 64)), (32, 64))
    write_kitti_poses(drive / "poses.txt", np.tile(np.eye(4), (2, 1, 1)))
    text = to_json(description)
    write_text(folder / DATASET_FILE, text)
    return {DATASET_FILE: [text.encode(), json.dumps(asdict(description)).encode()]}


def _read_rendered(folder: Path) -> None:
    for split in ("train", "val"):
        drives = open_drives(folder, split)
        assert len(drives) < 10_000
        for drive in drives:
            sane(drive.camera)
            assert min(drive.size) > 0


def _store(folder: Path) -> tuple[Path, list[Drive]]:
    drives: list[Drive] = [FolderDrive(folder / name) for name in ("one", "two")]
    return folder / "store", drives


def _prepare_store(folder: Path) -> Mapping[str, Sequence[bytes]]:
    for name in ("one", "two"):
        _write_frames(folder / name)
        (folder / name / "camera.json").write_text('{"fov_deg": 70}')
    _open_store(folder)
    return {"store/index.json": [(folder / "store" / "index.json").read_bytes()]}


def _open_store(folder: Path) -> None:
    place, drives = _store(folder)
    clips = open_prepared(place, (4, 6), drives, FrameRuns([drive.frames for drive in drives]), False, str)
    for clip in clips:
        clip.write(0, np.zeros((4, 6, 3), np.uint8))
        assert clip.read(0) is not None
        clip.close()


def _read_store(folder: Path) -> None:
    _open_store(folder)
    outside = {path.name for path in folder.iterdir()} - {"one", "two", "store"}
    assert not outside, outside


_STAGES = {"extract": "Extracting", "train": "Training"}
_OPTIONS = {"clips": ["a"], "--size": [192, 640], "--motion": 0.02}


def _prepare_record(folder: Path) -> Mapping[str, Sequence[bytes]]:
    record = StageRecord(folder / "out", _OPTIONS, _STAGES)
    with contextlib.redirect_stderr(io.StringIO()):
        record.run("extract", lambda: {"a": {"frames": 12}})
    return {f"out/{RECORD}": [(folder / "out" / RECORD).read_bytes()]}


def _read_record(folder: Path) -> None:
    with contextlib.redirect_stderr(io.StringIO()):
        record = StageRecord(folder / "out", _OPTIONS, _STAGES)
        record.run("extract", dict)
        assert all(isinstance(value, int | float) for value in record.seconds.values())


_FOOTAGE = {
    "format": 1,
    "complete": True,
    "size": [192, 640],
    "frames": [{"number": n, "source": 3 * n, "seconds": n / 10} for n in (0, 1, 2, 4, 5)],
}


def _read_footage(folder: Path) -> None:
    assert all(np.isfinite(seconds) for seconds in frame_times(folder).values())


def _read_result(folder: Path) -> None:
    text = read_result(folder / "result.json").to_markdown()
    assert text


_RESULT = Result("loader", "96x64", (Figure("frames", "1/s", 10.0, 9.0, 11.0),), (Ratio("quick", 2.0, 1.5),))
_PREDICTIONS = (
    {"depth_png": {"scale": 256.0, "unit": "m"}, "images": [{"name": "a"}]},
    {"videos": [{"name": "clip", "depth_png": {"scale": 100.0}}]},
)


def _prepare_predictions(folder: Path) -> Mapping[str, Sequence[bytes]]:
    write_image(folder / "clip_000000_depth.png", np.full((4, 6), 2560, np.uint16))
    return one_file("predictions.json", list(map(json.dumps, _PREDICTIONS)))(folder)


def _read_predictions(folder: Path) -> None:
    depth, confidence, error = DepthMaps.open(folder, Path("clip.mp4")).read(0)
    assert depth.shape == confidence.shape == error.shape == (4, 6)
    assert np.isfinite(depth).all()
    assert depth.min() > 0


def _text(name: str, contents: Sequence[str], read: Callable[[Path], None], title: str) -> Parser:
    return Parser(title, one_file(name, contents), read)


PARSERS = (
    Parser("manifest", _prepare_manifest, _read_manifest),
    Parser("manifest depth", _prepare_manifest_depth, _read_manifest),
    _text("config.json", [to_json(TrainConfig())], _read_configuration, "configuration"),
    Parser("rendered set dataset.json", _prepare_rendered, _read_rendered),
    Parser("prepared store index.json", _prepare_store, _read_store),
    Parser("record video.json", _prepare_record, _read_record),
    _text("footage.json", [json.dumps(_FOOTAGE)], _read_footage, "record footage.json"),
    _text("result.json", [_RESULT.to_json()], _read_result, "benchmark result"),
    Parser("predictions.json", _prepare_predictions, _read_predictions),
)
