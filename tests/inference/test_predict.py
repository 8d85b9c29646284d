import json
import logging
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from egodepth.commands.predict import Predict
from egodepth.config import ModelConfig
from egodepth.data.images import read_rgb, read_uint16
from egodepth.foundation.errors import InputError
from egodepth.inference.common_scales import CommonScales
from egodepth.inference.predict import named_inputs
from egodepth.inference.predictor import DepthPredictor
from egodepth.weights import DepthModel, ModelCard


def save_model(folder: Path, metric: bool) -> str:
    torch.manual_seed(0)
    network = ModelConfig(encoder="mobilenetv3_small_050")
    DepthModel(ModelCard(size=(64, 96), metric=metric, has_pose_net=False, network=network)).save(folder)
    return str(folder)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    return save_model(tmp_path_factory.mktemp("predict") / "model", metric=False)


@pytest.fixture
def images(tmp_path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    random = np.random.default_rng(0)
    for name, size in {"a.png": (40, 70), "b.jpg": (100, 60), "c.png": (32, 64)}.items():
        Image.fromarray(random.integers(0, 256, (*size, 3), dtype=np.uint8)).save(folder / name)
    return folder


def read_summary(out: Path) -> dict:
    return json.loads((out / "predictions.json").read_text())


def test_a_folder_becomes_three_files_an_image_and_a_summary(model, images, tmp_path, capsys):
    out = tmp_path / "out"
    Predict(model=model, inputs=(images,), out=out, device="cpu")()
    expected = {f"{name}{end}" for name in "abc" for end in (".npz", "_depth.png", "_colour.png")}
    assert {path.name for path in out.iterdir()} == {*expected, "predictions.json"}
    assert {path.name for path in tmp_path.iterdir()} == {"images", "out"}
    assert "3 depth maps, up to scale" in capsys.readouterr().out
    assert [(i["name"], i["height"], i["width"]) for i in read_summary(out)["images"]] == [
        *[("a", 40, 70), ("b", 100, 60), ("c", 32, 64)],
    ]


def test_the_files_hold_what_the_predictor_says(model, images, tmp_path):
    out = tmp_path / "out"
    Predict(model=model, inputs=(images / "a.png", images / "b.jpg"), out=out, device="cpu")()
    prediction = DepthPredictor.load(model, "cpu")(images / "a.png")
    with np.load(out / "a.npz") as arrays:
        np.testing.assert_array_equal(arrays["depth"], prediction.depth.numpy())
        np.testing.assert_array_equal(arrays["inverse_depth"], prediction.inverse_depth.numpy())
        depth = arrays["depth"]
    stored = read_uint16(out / "a_depth.png")
    assert stored.shape == depth.shape
    scale = read_summary(out)["depth_png"]["scale"]
    np.testing.assert_allclose(stored / scale, depth, atol=0.51 / scale)
    assert read_rgb(out / "a_colour.png").shape == (40, 70, 3)


def test_metric_depth_is_stored_as_kitti_does(tmp_path, images):
    out = tmp_path / "out"
    Predict(model=save_model(tmp_path / "m", True), inputs=(images / "a.png",), out=out, device="cpu")()
    summary = read_summary(out)
    assert (summary["metric"], summary["depth_unit"], summary["depth_png"]["scale"]) == (True, "metres", 256.0)


def test_one_colour_scale_serves_all_images():
    inverse_depth = np.linspace(0.1, 1, 1000, dtype=np.float32)
    scales = CommonScales.of(inverse_depth, metric=True)
    near, far = scales.colours(np.full((1, 1), 1.0)), scales.colours(np.full((1, 1), 0.1))
    assert near.sum() > 600
    assert far.sum() < 30
    np.testing.assert_allclose((scales.dark, scales.bright), (0.109, 0.991), atol=1e-3)


def test_depth_up_to_scale_gets_a_common_factor_that_uses_the_sixteen_bits():
    depth = np.linspace(0.1, 1.9, 1001)
    scales = CommonScales.of(1 / depth, metric=False)
    png = scales.depth_png(depth[None])
    assert np.median(png) == 20 * 256
    assert scales.depth_png(np.array([[0.0, 1e9]])).tolist() == [[1, 65535]]


def test_a_model_run_at_another_size_warns(model, images, tmp_path, caplog):
    with caplog.at_level(logging.WARNING, "egodepth"):
        Predict(model=model, inputs=(images / "a.png",), out=tmp_path / "out", size=(96, 128), device="cpu")()
    assert "trained at 96x64 and runs at 128x96" in caplog.text
    assert read_summary(tmp_path / "out")["size"] == [96, 128]


def test_a_truncated_image_is_named_and_nothing_is_written(model, images, tmp_path):
    whole = (images / "b.jpg").read_bytes()
    (images / "b.jpg").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"b\.jpg"):
        Predict(model=model, inputs=(images,), out=tmp_path / "out", device="cpu")()
    assert [path.name for path in tmp_path.iterdir()] == ["images"]


def test_results_in_the_folder_stay_when_a_later_call_fails(model, images, tmp_path):
    out = tmp_path / "out"
    Predict(model=model, inputs=(images / "a.png",), out=out, device="cpu")()
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    (images / "c.png").write_bytes((images / "c.png").read_bytes()[:2000])
    with pytest.raises(InputError, match=r"c\.png"):
        Predict(model=model, inputs=(images,), out=out, device="cpu")()
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_what_cannot_be_predicted_is_an_input_error_before_the_model_is_loaded(images, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    (tmp_path / "a.png").write_bytes((images / "a.png").read_bytes())
    cases = {
        (tmp_path / "nothing.png",): r"nothing\.png: no such",
        (empty,): "no images in this folder",
        (): "no images given",
        (images, tmp_path / "a.png"): "same name",
    }
    for inputs, hint in cases.items():
        with pytest.raises(InputError, match=hint):
            Predict(model="no-such-model", inputs=inputs, out=tmp_path / "out")()


def test_an_output_that_is_a_file_is_an_input_error(model, images, tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(InputError, match="cannot be written"):
        Predict(model=model, inputs=(images / "a.png",), out=tmp_path / "out", device="cpu")()
    assert (tmp_path / "out").read_text() == "mine"


def test_the_folder_of_the_images_may_be_that_of_the_results_and_its_files_stay(model, images, tmp_path):
    names = sorted(path.name for path in images.iterdir())
    stem = Path(names[0]).stem
    (images / f"{stem}_depth.png").write_bytes(b"a depth map of the user's")
    with pytest.raises(InputError, match=f"{stem}_depth.png: exists already"):
        Predict(model=model, inputs=(images / names[0],), out=images, device="cpu")()
    assert (images / f"{stem}_depth.png").read_bytes() == b"a depth map of the user's"
    (images / f"{stem}_depth.png").unlink()
    for _ in range(2):
        Predict(model=model, inputs=(images,), out=images, device="cpu")()
        assert len(json.loads((images / "predictions.json").read_text())["images"]) == len(names)


def test_a_bag_is_refused_with_the_commands_that_read_it(tmp_path: Path):
    (tmp_path / "drive.mcap").touch()
    with pytest.raises(InputError, match="a bag; predict its frames by `egodepth video"):
        named_inputs([tmp_path / "drive.mcap"])
