import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from egodepth.cli import main
from egodepth.data import undistorted_frames
from egodepth.data.images import read_rgb
from egodepth.data.readers.folder import FolderDrive
from egodepth.data.undistorted_frames import undistort
from egodepth.foundation.errors import InputError

CAMERA = {"width": 96, "height": 64, "fx": 60, "fy": 60, "cx": 47.5, "cy": 31.5, "distortion": [-0.28, 0.07, 0, 0]}


@pytest.fixture
def clip(make_clip, tmp_path: Path) -> Path:
    """Frames 0 to 7 but 3, and a lens with distortion."""
    folder = make_clip(tmp_path / "clip")
    (folder / "000003.png").unlink()
    (folder / "camera.json").write_text(json.dumps(CAMERA))
    return folder


def test_frames_keep_their_numbers_and_get_a_pinhole_camera(clip: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "straight"
    main(["data", "undistort", str(clip), "--out", str(out), "--json", str(tmp_path / "done.json")])
    said = capsys.readouterr().out
    assert f"{out}: 7 frames, field of view " in said
    assert f"by {clip / 'camera.json'}; 7 undistorted in " in said
    assert "0 existed already" in said
    on_the_fly, straight = FolderDrive(clip), FolderDrive(out)
    assert list(straight.frames) == [0, 1, 2, 4, 5, 6, 7]
    np.testing.assert_allclose(straight.camera.focal, on_the_fly.camera.focal, rtol=1e-6)
    np.testing.assert_allclose(straight.camera.centre, on_the_fly.camera.centre, rtol=1e-6)
    for frame in straight.frames:
        np.testing.assert_array_equal(straight.read_image(frame), on_the_fly.read_image(frame))
    assert (straight.read_image(4) != read_rgb(clip / "000004.png")).any()
    assert "distortion" not in json.loads((out / "camera.json").read_text())
    summary = json.loads((tmp_path / "done.json").read_text())
    assert (summary["frames"], summary["already_there"], summary["unreadable"]) == (7, 0, [])


def test_a_camera_file_from_elsewhere_and_frames_of_any_format(make_clip, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip", frames=3)
    Image.open(clip / "000000.png").save(clip / "000000.jpg")
    Image.open(clip / "000001.png").save(clip / "000001.tif")
    for number in (0, 1):
        (clip / f"{number:06d}.png").unlink()
    camera = tmp_path / "cameras.txt"
    camera.write_text("1 OPENCV_FISHEYE 96 64 50 50 48 32 0.01 0 0 0\n")
    assert undistort(clip, tmp_path / "out", camera).frames == 3
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["000000.jpg", "000001.png", "000002.png", "camera.json", "undistorted.json"]


def test_what_is_there_stays_and_what_was_interrupted_goes_on(clip: Path, tmp_path: Path, monkeypatch) -> None:
    out, written = tmp_path / "out", []

    def write(path: Path, image: np.ndarray) -> None:
        if len(written) == 3:
            raise KeyboardInterrupt
        written.append(path)
        Image.fromarray(image).save(path)

    with monkeypatch.context() as patch:
        patch.setattr(undistorted_frames, "write_image", write)
        with pytest.raises(KeyboardInterrupt):
            undistort(clip, out, workers=1)
    assert not (out / "camera.json").exists()  # no data set yet
    before = {path: path.stat().st_mtime_ns for path in written}
    done = undistort(clip, out)
    assert (done.frames, done.already_there) == (7, 3)
    assert {path: path.stat().st_mtime_ns for path in written} == before
    assert undistort(clip, out).already_there == 7
    assert not [path for path in out.iterdir() if ".part" in path.name]


def test_bad_frames_are_named_and_the_others_are_there(clip: Path, tmp_path: Path, capsys) -> None:
    (clip / "000004.png").write_bytes(b"damaged")
    main(["data", "undistort", str(clip), "--out", str(tmp_path / "out")])
    said = capsys.readouterr().out
    assert "6 frames" in said
    assert "cannot be read: " in said
    assert "000004.png: not a readable image" in said
    assert list(FolderDrive(tmp_path / "out").frames) == [0, 1, 2, 5, 6, 7]


def test_many_bad_frames_are_counted_and_none_but_bad_ones_refused(make_clip, tmp_path: Path, capsys) -> None:
    clip = make_clip(tmp_path / "clip", frames=14)
    (clip / "camera.json").write_text(json.dumps(CAMERA))
    for number in range(1, 13):
        (clip / f"{number:06d}.png").write_bytes(b"damaged")
    main(["data", "undistort", str(clip), "--out", str(tmp_path / "out")])
    assert "... and 2 more" in capsys.readouterr().out
    for path in clip.glob("*.png"):
        path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(InputError, match=r"0000\d\d\.png: not a readable image"):
        undistort(clip, tmp_path / "other")


@pytest.mark.parametrize(
    ("camera", "message"),
    [
        ({**CAMERA, "distortion": []}, "camera.json: no distortion to undo; use the frames of"),
        ({"fov_deg": 70}, "camera.json: no distortion to undo"),
        ({**CAMERA, "distortion": [-0.9, 0, 0, 0]}, "camera.json: the distortion folds the image"),
        ({**CAMERA, "width": 640}, "camera.json: calibrated for 640x64"),
        ({**CAMERA, "k1": 3}, "camera.json: unknown key 'k1'"),
    ],
)
def test_what_cannot_be_undone_is_refused_in_one_line(clip: Path, capsys, camera, message: str) -> None:
    (clip / "camera.json").write_text(json.dumps(camera))
    with pytest.raises(SystemExit):
        main(["data", "undistort", str(clip), "--out", str(clip.parent / "out")])
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (clip.parent / "out").exists()


def test_folders_of_something_else_are_left_alone(clip: Path, make_clip, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the clip's own folder; choose another"):
        undistort(clip, clip)
    with pytest.raises(InputError, match="not empty and not a folder of this command"):
        undistort(clip, make_clip(tmp_path / "other"))
    undistort(clip, tmp_path / "out")
    (clip / "camera.json").write_text(json.dumps({**CAMERA, "distortion": [-0.2, 0, 0, 0]}))
    with pytest.raises(InputError, match="out: has frames of another clip or camera; delete it or choose another"):
        undistort(clip, tmp_path / "out")
    with pytest.raises(InputError, match=r"clip\.json: no camera file"):
        undistort(clip, tmp_path / "new", tmp_path / "clip.json")


def test_stereo_pairs_are_not_undistorted_one_by_one(make_clip, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip", partner=True)
    (clip / "camera.json").write_text(json.dumps(CAMERA))
    with pytest.raises(InputError, match="partner: stereo pairs are to be rectified together"):
        undistort(clip, tmp_path / "out")
