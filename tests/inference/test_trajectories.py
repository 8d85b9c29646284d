import json
from pathlib import Path

import numpy as np
import pytest
import torch

from egodepth.cli import main
from egodepth.config import ModelConfig
from egodepth.data.images import image_size
from egodepth.data.opening import open_drives
from egodepth.foundation.errors import InputError
from egodepth.foundation.trajectory_files import read_kitti_poses
from egodepth.geometry import transform_from_axis_angle
from egodepth.inference.motion import MotionPredictor, trajectory
from egodepth.inference.trajectories import longest_run
from egodepth.weights import DepthModel, ModelCard
from egodepth.weights.exported.runtime import ExportedModel


def a_model(pose: str = "posecnn", depth_scaling: str = "none", has_pose_net: bool = True) -> DepthModel:
    torch.manual_seed(1)
    network = ModelConfig(encoder="test_resnet", pose=pose)
    card = ModelCard(
        network=network, size=(64, 96), metric=False, has_pose_net=has_pose_net, depth_scaling=depth_scaling
    )
    return DepthModel(card).eval()


@pytest.fixture
def sequences(real_data: Path) -> Path:
    return real_data / "kitti_odometry"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    a_model().save(tmp_path / "model")
    return tmp_path / "model"


def refusal(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    with pytest.raises(SystemExit) as stop:
        main(["odometry", *map(str, words)])
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    return error


def test_a_sequence_is_predicted_written_drawn_and_scored(sequences: Path, model: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "out"
    main(["odometry", str(model), "--data", str(sequences), "--drives", "06/image_0", "--out", str(out)])
    assert "06/image_0" in capsys.readouterr().out
    names = {"06_image_0.txt", "06_image_0_tum.txt", "06_image_0.png", "odometry.json"}
    assert {path.name for path in out.iterdir()} == names
    assert read_kitti_poses(out / "06_image_0.txt").shape == (51, 4, 4)
    scores = json.loads((out / "odometry.json").read_text())["06/image_0"]
    assert scores["frames"] == 51
    assert 0 < scores["ate_m"] < scores["path_m"] == pytest.approx(60, abs=1)
    assert scores["t_rel_percent"] is None
    assert min(image_size(out / "06_image_0.png")) > 400


def test_evaluate_scores_trajectories_too(sequences: Path, model: Path, tmp_path: Path) -> None:
    where = ["--data", str(sequences), "--drives", "06/image_1", "--out", str(tmp_path / "out")]
    main(["evaluate", str(model), "--benchmark", "odometry", *where])
    assert list(json.loads((tmp_path / "out" / "odometry.json").read_text())) == ["06/image_1"]


def test_the_true_trajectory_scores_zero_and_half_of_it_in_metres_needs_a_scale_of_two(
    sequences: Path, tmp_path: Path
) -> None:
    (drive,) = (drive for drive in open_drives(sequences) if drive.name == "06/image_0")
    rows = [drive.read_pose(frame)[:3].copy() for frame in drive.frames]
    for row in rows:
        row[:, 3] /= 2
    (tmp_path / "half.txt").write_text("\n".join(" ".join(map(str, row.ravel())) for row in rows))
    where = ["--data", str(sequences), "--drives", "06/image_0", "--out", str(tmp_path / "out")]
    main(["odometry", "--trajectory", str(tmp_path / "half.txt"), *where])
    scores = json.loads((tmp_path / "out" / "odometry.json").read_text())["06/image_0"]
    assert scores["ate_m"] == pytest.approx(0, abs=1e-5)
    assert scores["snippet_mean"] == pytest.approx(0, abs=1e-5)
    assert scores["scale"] == pytest.approx(2)


def test_drives_without_true_poses_are_written_and_not_scored(make_clip, model: Path, tmp_path: Path, capsys) -> None:
    clip = make_clip(tmp_path / "clip", frames=5, size=(64, 96))
    main(["odometry", str(model), "--data", str(clip), "--out", str(tmp_path / "out")])
    assert "not scored" in capsys.readouterr().out
    assert read_kitti_poses(tmp_path / "out" / "clip.txt").shape == (5, 4, 4)


def test_true_poses_are_never_replaced(make_clip, model: Path, tmp_path: Path, capsys) -> None:
    clip, out = make_clip(tmp_path / "clip", frames=5, size=(64, 96)), tmp_path / "poses"
    out.mkdir()
    (out / "clip.txt").write_text("the user's\n")
    said = refusal(capsys, model, "--data", clip, "--out", out)
    assert f"{out / 'clip.txt'}: exists already" in said
    assert [path.read_text() for path in out.iterdir()] == ["the user's\n"]


def test_figures_of_another_program_are_never_replaced(make_clip, model: Path, tmp_path: Path, capsys) -> None:
    clip, out = make_clip(tmp_path / "clip", frames=5, size=(64, 96)), tmp_path / "out"
    out.mkdir()
    for theirs in ('{"wheel": 1}', '{"x": 1}\n{"x": 2}\n'):
        (out / "odometry.json").write_text(theirs)
        assert "odometry.json: exists already" in refusal(capsys, model, "--data", clip, "--out", out)
        assert (out / "odometry.json").read_text() == theirs


def test_its_own_files_are_replaced(make_clip, model: Path, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip", frames=5, size=(64, 96))
    for fps in ("10", "20"):
        main(["odometry", str(model), "--data", str(clip), "--out", str(tmp_path / "out"), "--fps", fps])
    assert (tmp_path / "out" / "clip_tum.txt").read_text().splitlines()[-1].startswith("0.200000 ")


def test_the_steps_between_poses_are_what_the_network_says() -> None:
    images = torch.rand(12, 3, 64, 96)
    motion = MotionPredictor(a_model())
    poses = np.stack(list(trajectory(motion, range(12), lambda frame: images[frame])))
    assert poses.shape == (12, 4, 4)
    np.testing.assert_array_equal(poses[0], np.eye(4))
    for frame in (0, 7, 10):
        later_from_earlier = motion(images[frame, None], images[frame + 1, None])[0].double().numpy()
        found = np.linalg.inv(poses[frame + 1]) @ poses[frame]
        np.testing.assert_allclose(found, later_from_earlier, atol=1e-5)


def test_translations_are_in_the_units_of_the_depth() -> None:
    """PoseCNN's translation times the mean inverse depth; under median scaling times the median instead."""
    earlier, later = torch.rand(2, 1, 3, 64, 96)
    plain, scaled = a_model(), a_model(depth_scaling="median")
    with torch.no_grad():
        axis_angle, translation = plain.pose_net(earlier, later)
        depth = 1 / (0.01 + 9.99 * plain(earlier)[0])
    first = 1 / (0.01 + 9.99 * 0.5)  # what an untrained network says, in the published setting
    for model, factor in ((plain, (1 / depth).mean()), (scaled, depth.median() / first)):
        expected = transform_from_axis_angle(axis_angle, translation * factor)
        torch.testing.assert_close(MotionPredictor(model)(earlier, later), expected, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("pose", ["separate", "shared"])
def test_every_pose_network_drives(pose: str) -> None:
    images = torch.rand(3, 3, 64, 96)
    poses = list(trajectory(MotionPredictor(a_model(pose)), range(3), lambda frame: images[frame]))
    assert np.isfinite(poses).all()
    assert np.linalg.norm(poses[2][:3, 3]) > 0


def test_the_longest_row_of_frames_is_taken(real_data: Path) -> None:
    (drive,) = open_drives(real_data / "kitti_raw" / "2011_09_26" / "2011_09_26_drive_0001_sync")[:1]
    assert longest_run(drive) == [0, 1, 2, 3, 4, 5]


def test_an_exported_model_has_no_pose_network() -> None:
    exported = ExportedModel(a_model().card, lambda images: (images, images))
    with pytest.raises(InputError, match="exported"):
        MotionPredictor(exported)


def test_bad_input_is_one_line(sequences: Path, model: Path, tmp_path: Path, capsys) -> None:
    a_model(has_pose_net=False).save(tmp_path / "blind")
    assert "no pose network" in refusal(capsys, tmp_path / "blind", "--data", sequences)
    assert "either a model or --trajectory" in refusal(capsys, "--data", sequences)
    assert "choose with --drives" in refusal(capsys, "--trajectory", "x", "--data", sequences)
    assert "x: no trajectory" in refusal(capsys, "--trajectory", "x", "--data", sequences, "--drives", "06/image_0")
    assert "--fps" in refusal(capsys, model, "--data", sequences, "--fps", "0")
    (tmp_path / "short.txt").write_text("1 0 0 0 0 1 0 0 0 0 1 0\n" * 3)
    words = ["--trajectory", tmp_path / "short.txt", "--data", sequences, "--drives", "06/image_0"]
    assert "3 predicted poses for 51 frames" in refusal(capsys, *words, "--out", tmp_path / "out")
