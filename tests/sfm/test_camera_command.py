import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from egodepth.cli import main
from egodepth.commands.camera import FindCamera
from egodepth.data.cameras import horizontal_fov_deg, read_camera
from egodepth.sfm.clip_map import ClipMap
from sfm_scenes import FOV_DEG, SIZE, WindingStreet

FRAMES = 24


@pytest.fixture(scope="module")
def street() -> WindingStreet:
    return WindingStreet(6, FRAMES)


@pytest.fixture(scope="module")
def found(street: WindingStreet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of what the command wrote about a rendered clip."""
    pytest.importorskip("pycolmap")
    root = tmp_path_factory.mktemp("sfm")
    (root / "clip").mkdir()
    for number, image in enumerate(street.images(FRAMES)):
        Image.fromarray(image).save(root / "clip" / f"{100 + number}.png", compress_level=1)
    FindCamera(clip=root / "clip", out=root / "camera.json", threads=1, json=root / "figures.json")()
    return root


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    with pytest.raises(SystemExit) as stop:
        main([str(word) for word in words])
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    return error


def test_without_the_library_one_line_says_how_to_get_it(make_clip, tmp_path: Path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "pycolmap", None)
    line = refused(capsys, "camera", make_clip(tmp_path / "clip"), "--out", tmp_path / "camera.json")
    assert line == "egodepth: structure from motion needs pycolmap: pip install 'egodepth[sfm]'\n"


def test_the_focal_length_of_a_rendered_clip_is_found(found: Path):
    camera = read_camera(found / "camera.json", SIZE)
    truth = 0.5 / np.tan(np.radians(FOV_DEG) / 2)
    assert abs(camera.focal[0].item() / truth - 1) < 0.04
    assert camera.centre.tolist() == [0.5, 0.5]
    report = json.loads((found / "camera_report.json").read_text())
    assert report == json.loads((found / "figures.json").read_text())
    assert report["verdict"] in ("reliable", "weak")
    assert abs(report["focal_px"] - truth * SIZE[1]) < 3 * report["focal_sigma_px"]
    assert report["camera_file"] == "estimate"
    assert report["frames_registered"] == FRAMES
    assert report["fov_deg"] == pytest.approx(horizontal_fov_deg(camera), abs=1e-3)


def test_points_project_to_where_the_features_were(found: Path):
    with np.load(found / "sparse.npz") as sparse:
        frame, point = sparse["observations"].T
        poses = np.linalg.inv(sparse["world_from_camera"])[frame]
        seen = np.einsum("nij,nj->ni", poses[:, :3, :3], sparse["xyz"][point]) + poses[:, :3, 3]
        assert sparse["frames"].tolist() == list(range(100, 100 + FRAMES))
        assert np.bincount(point).tolist() == sparse["track_length"].tolist()
        assert np.median(sparse["error_px"]) < 1
        pixels = seen @ sparse["intrinsics"].T
    assert (seen[:, 2] > 0).all()
    inside = (np.abs(pixels[:, :2] / pixels[:, 2:] - 0.5 * np.array(SIZE[::-1])) < np.array(SIZE[::-1])).all(1)
    assert inside.mean() > 0.99
    header = (found / "sparse.ply").read_bytes()[:400].decode("ascii", "replace")
    assert f"element vertex {len(np.unique(point))}\n" in header


def test_the_map_of_all_frames_lies_beside_the_camera(found: Path):
    clip_map = ClipMap.load(found / "clip_map.npz")
    report = json.loads((found / "camera_report.json").read_text())
    assert clip_map.frames.tolist() == list(range(100, 100 + FRAMES))
    assert report["frames_mapped"] == FRAMES
    assert report["points"] == len(clip_map.points.xyz)
    assert (report["parts"], report["frames_interpolated"]) == (1, 0)


def test_the_way_of_the_camera_is_the_true_one_but_for_its_scale(found: Path, street: WindingStreet):
    with np.load(found / "sparse.npz") as sparse:
        way = sparse["world_from_camera"][:, :3, 3]
    truth = np.array([street.camera_pose(frame)[:3, 3] for frame in range(FRAMES)])
    steps, true_steps = (np.linalg.norm(np.diff(each, axis=0), axis=1) for each in (way, truth))
    np.testing.assert_allclose(steps / steps.mean(), true_steps / true_steps.mean(), rtol=0.1)


def test_more_threads_give_the_same_bytes(found: Path, tmp_path: Path):
    FindCamera(clip=found / "clip", out=tmp_path / "camera.json", threads=4)()
    for name in ("camera.json", "clip_map.npz", "sparse.npz", "sparse.ply"):
        assert (tmp_path / name).read_bytes() == (found / name).read_bytes()


def test_nothing_of_the_work_is_left(found: Path):
    names = {"camera.json", "camera_report.json", "clip", "clip_map.npz", "figures.json", "sparse.npz", "sparse.ply"}
    assert {path.name for path in found.iterdir()} == names


@pytest.mark.parametrize(("frames", "why"), [(12, "the camera stands still"), (1, "too few frames: 1 of 1")])
def test_a_clip_that_tells_nothing_gets_the_stated_field_of_view(tmp_path: Path, capsys, frames, why):
    pytest.importorskip("pycolmap")
    clip = tmp_path / "clip"
    clip.mkdir()
    picture = Image.effect_noise((96, 64), 80).convert("RGB")
    for number in range(frames):
        picture.save(clip / f"{number}.png")
    main(["camera", str(clip), "--out", str(clip / "camera.json"), "--fov-deg", "75"])
    printed = capsys.readouterr()
    assert printed.err.startswith(f"failed: {why}")
    assert printed.err.endswith("has the stated field of view, 75 degrees\n")
    assert printed.err.count("\n") == 1
    assert horizontal_fov_deg(read_camera(clip / "camera.json", (64, 96))) == pytest.approx(75, abs=1e-3)
    report = json.loads((clip / "camera_report.json").read_text())
    assert report["verdict"] == "failed"
    assert report["camera_file"] == "stated field of view, 75 degrees"
    assert not (clip / "sparse.npz").exists()


def test_what_cannot_be_used_is_one_line(make_clip, tmp_path: Path, capsys):
    pytest.importorskip("pycolmap")
    clip, out = make_clip(tmp_path / "clip"), tmp_path / "camera.json"
    assert "may be a calibration" in refused(capsys, "camera", clip, "--out", clip / "camera.json")
    assert "not a .json file" in refused(capsys, "camera", clip, "--out", tmp_path / "camera.txt")
    assert "12 to 135 are possible" in refused(capsys, "camera", clip, "--out", out, "--fov-deg", 190)
    assert "gone: not a folder" in refused(capsys, "camera", tmp_path / "gone", "--out", out)
    assert not out.exists()
    (tmp_path / "sparse.ply").write_text("the user's")
    assert "sparse.ply: exists already, and is not from this command" in refused(capsys, "camera", clip, "--out", out)
    assert (tmp_path / "sparse.ply").read_text() == "the user's"
