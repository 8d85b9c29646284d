import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from egodepth.cli import main
from egodepth.config import ModelConfig
from egodepth.foundation.errors import InputError
from egodepth.inference.export.graph import DepthGraph
from egodepth.inference.motion import MotionPredictor
from egodepth.inference.predictor import DepthPredictor
from egodepth.weights import DepthModel, MetricScale, ModelCard, initialise_from, load_card, load_model
from kitti_2015_pairs import write_kitti_2015

NETWORK = ModelConfig(encoder="test_resnet", pose="separate")
SCALE = MetricScale(factor=5.4, spread=0.03, scatter=0.1, by="height", on="clip", samples=40, when="2026-01-02")


def a_model(metric: bool = False, has_pose_net: bool = True, ahead: float = 0.05) -> DepthModel:
    """Of random weights; its pose network says so much straight ahead, in units of the depth, whatever it sees."""
    torch.manual_seed(1)
    card = ModelCard(network=NETWORK, size=(64, 96), metric=metric, has_pose_net=has_pose_net)
    model = DepthModel(card).eval()
    if model.pose_net is not None:
        six = model.pose_net.decoder.six
        torch.nn.init.zeros_(six.weight)
        six.bias.data = torch.tensor([0, 0, 0, 0, 0, -100 * ahead])
    return model


@pytest.fixture
def model(tmp_path: Path) -> Path:
    a_model().save(tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture
def clip(make_clip, tmp_path: Path) -> Path:
    return make_clip(tmp_path / "clip", frames=5, size=(64, 96))


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A rendered set of one drive of 5 frames."""
    folder = tmp_path_factory.mktemp("streets") / "set"
    words = "--train 1 --val 0 --test 0 --frames 5 --size 128 416 --fov-deg 80 --processes 1 --seed 3"
    main(["data", "render", "--out", str(folder), *words.split()])
    return folder


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (50, 90, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def refusal(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    with pytest.raises(SystemExit) as stop:
        main(["scale", *map(str, words)])
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    return error


# The card: what everything else reads.


def test_a_scale_multiplies_depth_and_makes_it_metric_and_comes_off_to_the_bit(photo: Path) -> None:
    model = a_model()
    before, own = DepthPredictor(model)(photo), model.card
    model.card = own.scaled(SCALE)
    after = DepthPredictor(model)(photo)
    assert after.metric
    assert not before.metric
    torch.testing.assert_close(after.depth, 5.4 * before.depth)
    model.card = model.card.scaled(MetricScale(factor=2.0, by="speed"))
    torch.testing.assert_close(DepthPredictor(model)(photo).depth, 2 * before.depth)
    assert model.card.unscaled() == own


@pytest.mark.parametrize("depth_scaling", ["none", "median"])
@pytest.mark.parametrize("pose", ["separate", "posecnn"])
def test_translations_are_scaled_as_the_depth_is(pose: str, depth_scaling: str) -> None:
    model = DepthModel(
        ModelCard(
            network=ModelConfig(encoder="test_resnet", pose=pose),
            size=(64, 96),
            metric=False,
            has_pose_net=True,
            depth_scaling=depth_scaling,
        )
    ).eval()
    images = torch.rand(2, 1, 3, 64, 96)
    before = MotionPredictor(model)(*images)
    model.card = model.card.scaled(SCALE)
    after = MotionPredictor(model)(*images)
    torch.testing.assert_close(after[:, :3, 3], 5.4 * before[:, :3, 3])
    torch.testing.assert_close(after[:, :3, :3], before[:, :3, :3])


def test_what_is_exported_is_in_metres(photo: Path) -> None:
    model = a_model()
    model.card = model.card.scaled(SCALE)
    pixels = torch.from_numpy(np.array(Image.open(photo)))[None]
    with torch.no_grad():
        depth = DepthGraph(model)(pixels)[0]
    torch.testing.assert_close(depth[0], DepthPredictor(model)(photo).depth, rtol=1e-4, atol=0)


def test_weights_of_a_scaled_model_start_trainings_as_before(tmp_path: Path) -> None:
    model = a_model()
    model.card = model.card.scaled(SCALE)
    model.save(tmp_path / "scaled")
    fresh = a_model()
    with torch.no_grad():
        for weight in fresh.depth_net.parameters():
            weight += 1
    initialise_from(str(tmp_path / "scaled"), fresh.depth_net, fresh.pose_net, (NETWORK.min_depth, NETWORK.max_depth))
    expected = dict(a_model().depth_net.named_parameters())
    assert [name for name, value in fresh.depth_net.named_parameters() if not torch.equal(value, expected[name])] == []


def test_a_card_without_a_scale_is_read_as_one_of_factor_1(model: Path) -> None:
    values = json.loads((model / "config.json").read_text())
    del values["scale"]
    (model / "config.json").write_text(json.dumps(values))
    card = load_model(model).card
    assert card.scale == MetricScale()
    assert card.unscaled() == card
    assert str(card.scale) == ""


def test_a_scale_says_how_sure_it_is() -> None:
    assert str(SCALE) == "scale by height, +-3 %"
    assert str(MetricScale(factor=2.0, spread=0.012, by="oxts")) == "scale by oxts, +-1.2 %"
    with pytest.raises(InputError, match=r"scale\.factor"):
        MetricScale(factor=0.0)


# The command.


def test_a_speed_is_stored_said_and_taken_off_again(
    model: Path, street: Path, photo: Path, tmp_path: Path, capsys
) -> None:
    card_before = (model / "config.json").read_bytes()
    weights = (model / "model.safetensors").read_bytes()
    found = tmp_path / "scale.json"
    words = ["scale", str(model), "--by", "speed", "--data", str(street), "--speed-mps"]
    main([*words, "10", "--json", str(found)])
    printed = capsys.readouterr().out
    record = json.loads(found.read_text())
    assert f"1 unit of depth = {record['factor']:.4g} m +-" in printed
    assert "in metres from now on" in printed
    assert (record["asked"], record["drives"], record["by"]) == (4, 1, "speed")
    assert record["samples"] >= 3
    assert record["model"] == str(model)
    card = load_model(model).card
    assert card.scale.factor == record["factor"]
    assert card.scale.on == str(street)
    # 10 m/s at 10 frames a second are 1 m, whatever the pose network says in its own units: 0.05.
    assert card.scale.motion * card.scale.factor == pytest.approx(1 / 0.05, rel=1e-3)
    images = [torch.rand(1, 3, 64, 96) for _ in range(2)]
    moved = MotionPredictor(load_model(model))(*images)[0, :3, 3].norm()
    assert moved.item() == pytest.approx(1, rel=1e-3)
    assert card.metric
    assert (model / "model.safetensors").read_bytes() == weights
    assert sorted(path.name for path in model.iterdir()) == ["config.json", "model.safetensors"]
    main(["predict", str(model), str(photo), "--out", str(tmp_path / "out")])
    assert "in metres (scale by speed, +-" in capsys.readouterr().out
    summary = json.loads((tmp_path / "out" / "predictions.json").read_text())
    assert summary["metric"] is True
    assert summary["depth_unit"].startswith("metres (scale by speed, +-")
    # Found again, it is in the model's own units, not on top of the first.
    main([*words, "5"])
    assert load_model(model).card.scale.factor == pytest.approx(record["factor"] / 2, rel=0.1)  # up to 80 m, either way
    main(["scale", str(model), "--remove"])
    assert (model / "config.json").read_bytes() == card_before


def test_a_speed_over_extracted_frames_counts_with_their_times_unless_a_rate_is_given(
    model: Path, street: Path, tmp_path: Path
) -> None:
    images = tmp_path / "frames"
    images.mkdir()
    for frame in sorted((street / "train" / "drive_0000" / "image").iterdir()):
        (images / frame.name).symlink_to(frame)
    (images / "camera.json").write_text(json.dumps({"fov_deg": 80}))
    words = ["scale", str(model), "--by", "speed", "--speed-mps", "3", "--data", str(images), "--no-store", "--json"]
    frames = [{"number": number, "source": 2 * number, "seconds": 0.2 * number} for number in range(5)]
    (images / "footage.json").write_text(json.dumps({"frames": frames}))
    factors = []
    for options in ((), ("--fps", "10")):
        main([*words, str(tmp_path / "found.json"), *options])
        factors.append(json.loads((tmp_path / "found.json").read_text())["factor"])
    assert factors[0] / factors[1] == pytest.approx(2, rel=0.1)


def test_what_is_not_stored_leaves_the_model_alone(model: Path, street: Path) -> None:
    before = (model / "config.json").read_bytes()
    main(["scale", str(model), "--by", "speed", "--speed-mps", "10", "--data", str(street), "--no-store"])
    assert (model / "config.json").read_bytes() == before


def test_the_scale_remembers_the_camera_it_was_found_on(model: Path, street: Path, clip: Path, capsys) -> None:
    main(["scale", str(model), "--by", "depth", "--data", str(street)])
    found = load_card(model)
    across = 0.5 / math.tan(math.radians(40))
    assert found.scale.focal == pytest.approx((across, across * 416 / 128), rel=1e-3)
    capsys.readouterr()
    main(["odometry", str(model), "--data", str(street), "--split", "train", "--out", str(model.parent / "a")])
    assert "The model's metres hold" not in capsys.readouterr().err
    (clip / "camera.json").write_text('{"fov_deg": 30}')
    main(["odometry", str(model), "--data", str(clip), "--out", str(model.parent / "b")])
    assert "true depth is about" in capsys.readouterr().err


def test_a_stereo_baseline_says_what_true_depth_says(model: Path, street: Path, tmp_path: Path) -> None:
    factors = []
    for by in ("baseline", "depth"):
        words = ["--by", by, "--data", str(street), "--no-store", "--json", str(tmp_path / "found.json")]
        main(["scale", str(model), *words])
        factors.append(json.loads((tmp_path / "found.json").read_text())["factor"])
    assert factors[0] == pytest.approx(factors[1], rel=0.05)


def test_pairs_of_kitti_2015_with_their_official_calibration_have_a_baseline(
    model: Path, make_clip: Callable[..., Path], tmp_path: Path
) -> None:
    clip = make_clip(tmp_path / "clip", frames=4, size=(192, 640), partner=True)
    pairs = write_kitti_2015(tmp_path / "kitti_2015", clip)
    factors = []
    for by in ("baseline", "depth"):
        words = ["--by", by, "--data", str(pairs), "--no-store", "--json", str(tmp_path / "found.json")]
        main(["scale", str(model), *words])
        factors.append(json.loads((tmp_path / "found.json").read_text())["factor"])
    assert factors[0] == pytest.approx(factors[1], rel=0.05)


def test_without_a_pose_network_or_with_one_that_sees_no_motion_there_is_a_scale_of_depth(
    street: Path, tmp_path: Path, capsys
) -> None:
    for number, unable in enumerate((a_model(has_pose_net=False), a_model(ahead=0.0))):
        unable.save(tmp_path / str(number))
        main(["scale", str(tmp_path / str(number)), "--by", "speed", "--speed-mps", "10", "--data", str(street)])
        scale = load_model(tmp_path / str(number)).card.scale
        assert scale.motion == 1
        assert scale.factor > 1
        assert "trajectories" not in capsys.readouterr().out


@pytest.mark.parametrize("words", ["--by oxts", "--by height --height-m 1.65"])
def test_kitti_is_scaled_by_its_gps_and_by_its_camera_s_height(model: Path, real_data: Path, words: str) -> None:
    data = ["--data", str(real_data / "kitti_raw"), "--drives", "*0001*image_02"]
    main(["scale", str(model), *words.split(), *data])
    scale = load_model(model).card.scale
    assert scale.by == words.split()[1]
    assert scale.samples >= 4
    # 13.1 m/s at .103 s a frame, and 0.05 by the pose network: trajectories are in metres, too.
    assert scale.factor * scale.motion * 0.05 == pytest.approx(1.35, rel=0.05)


def test_one_distance_is_enough_and_has_a_wide_error_bar(model: Path, photo: Path) -> None:
    depth = DepthPredictor.load(model, "cpu")(photo).depth
    words = ["--by", "distance", "--image", photo, "--pixel", "40", "25", "--distance-m", "12"]
    main(["scale", *map(str, [model, *words])])
    scale = load_model(model).card.scale
    assert scale.factor == pytest.approx(12 / depth[23:28, 38:43].median().item(), rel=1e-4)
    assert scale.spread > 0.2


def test_a_rendered_set_gives_it_by_depth(model: Path, street: Path) -> None:
    main(["scale", str(model), "--by", "depth", "--data", str(street)])
    scale = load_model(model).card.scale
    assert scale.samples == 5
    assert scale.factor > 1


def test_bad_input_is_one_line(model: Path, clip: Path, street: Path, photo: Path, tmp_path: Path, capsys) -> None:
    a_model(metric=True).save(tmp_path / "metric")
    data, speed = ["--data", clip], ["--by", "speed", "--speed-mps", "10"]
    point = ["--pixel", "4", "5", "--distance-m", "3"]
    assert "say --by" in refusal(capsys, model)
    assert "no scale to take off" in refusal(capsys, model, "--remove")
    assert "cannot be combined with another option" in refusal(capsys, model, "--remove", "--by", "depth")
    assert "needs --height-m" in refusal(capsys, model, "--by", "height", *data)
    assert "needs --data" in refusal(capsys, model, *speed)
    assert "either --speed-mps or --speeds" in refusal(capsys, model, "--by", "speed", *data)
    assert "--speed-mps has no effect" in refusal(capsys, model, "--by", "oxts", "--speed-mps", "3", *data)
    assert "0.05 to 20" in refusal(capsys, model, "--by", "height", "--height-m", "165", *data)
    assert "in metres already" in refusal(capsys, tmp_path / "metric", *speed, *data)
    assert "no frame has a stereo partner" in refusal(capsys, model, "--by", "baseline", *data)
    assert "no oxts folder" in refusal(capsys, model, "--by", "oxts", *data)
    assert "no frame has true depth" in refusal(capsys, model, "--by", "depth", *data)
    height = ["--by", "height", "--height-m", "1.6"]
    assert "level road was found" in refusal(capsys, model, *height, *data)
    still, apart = tmp_path / "still", tmp_path / "apart"
    for folder, numbers in ((still, range(4)), (apart, (0, 7, 9, 30))):
        folder.mkdir()
        (folder / "camera.json").write_bytes((clip / "camera.json").read_bytes())
        for number in numbers:
            (folder / f"{number:06d}.png").write_bytes((clip / "000001.png").read_bytes())
    assert "not seen to move in any of 3 pairs" in refusal(capsys, model, *height, "--data", still)
    assert "no two frames with an offset of 1" in refusal(capsys, model, *height, "--data", apart)
    assert "found in 0 of 4" in refusal(capsys, model, *speed, "--fps", "0.0001", "--data", street)
    assert "give as many" in refusal(
        capsys, model, "--by", "distance", "--image", photo, *point, "--pixel", "1", "2", "3", "4"
    )
    assert "outside an image" in refusal(
        capsys, model, "--by", "distance", "--image", photo, "--pixel", "90", "5", "--distance-m", "3"
    )
    assert "no such folder" in refusal(capsys, tmp_path / "none" / "model", *speed, *data)
    assert json.loads((model / "config.json").read_text())["metric"] is False
