from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from egodepth.cli import main
from egodepth.config import ModelConfig
from egodepth.data.images import read_rgb, read_uint16
from egodepth.inference.predictor import DepthPredictor
from egodepth.weights import DepthModel, ModelCard


def a_model(folder: Path, metric: bool, max_depth: float = 300.0) -> Path:
    torch.manual_seed(0)
    network = ModelConfig(encoder="test_resnet", min_depth=1.0, max_depth=max_depth)
    DepthModel(ModelCard(network=network, size=(64, 96), metric=metric, has_pose_net=False)).save(folder)
    return folder


@pytest.fixture
def images(tmp_path: Path) -> Path:
    (tmp_path / "test" / "image").mkdir(parents=True)
    for number in range(2):
        Image.effect_noise((1216, 352), 60).convert("RGB").save(tmp_path / "test" / "image" / f"{number:010d}.png")
    return tmp_path / "test"


def evaluate(*words: object) -> None:
    main(["evaluate", *map(str, words), "--benchmark", "kitti_benchmark_server"])


def test_the_folder_holds_256ths_of_metres_up_to_80(images: Path, tmp_path: Path) -> None:
    model = a_model(tmp_path / "model", metric=True)
    evaluate(model, "--data", images, "--out", tmp_path / "upload")
    assert sorted(path.name for path in (tmp_path / "upload").iterdir()) == ["0000000000.png", "0000000001.png"]
    written = read_uint16(tmp_path / "upload" / "0000000001.png")
    depth = DepthPredictor.load(model)(images / "image" / "0000000001.png").depth.numpy()
    np.testing.assert_allclose(written / 256, np.minimum(depth, 80), atol=0.51 / 256)
    assert written.shape == read_rgb(images / "image" / "0000000000.png").shape[:2]


def test_a_factor_brings_metres_and_the_far_is_cut(images: Path, tmp_path: Path) -> None:
    model = a_model(tmp_path / "model", metric=False)
    evaluate(model, "--data", images / "image", "--out", tmp_path / "upload", "--factor", 1000)
    assert (read_uint16(tmp_path / "upload" / "0000000000.png") == 80 * 256).all()


def test_the_images_are_never_replaced_by_their_depth(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = a_model(tmp_path / "model", metric=True)
    before = {path.name: path.read_bytes() for path in (images / "image").iterdir()}
    with pytest.raises(SystemExit):
        evaluate(model, "--data", images, "--out", images / "image")
    assert "lies within --data" in capsys.readouterr().err
    assert before == {path.name: path.read_bytes() for path in (images / "image").iterdir()}
    (tmp_path / "copy").mkdir()
    for name, content in before.items():
        (tmp_path / "copy" / name).write_bytes(content)
    with pytest.raises(SystemExit):
        evaluate(model, "--data", images, "--out", tmp_path / "copy")
    assert "exists already, and is no depth of this command" in capsys.readouterr().err


def test_depth_of_an_earlier_call_is_replaced(images: Path, tmp_path: Path) -> None:
    model = a_model(tmp_path / "model", metric=False)
    for factor in (1000, 1e-9):
        evaluate(model, "--data", images, "--out", tmp_path / "upload", "--factor", factor)
    assert (read_uint16(tmp_path / "upload" / "0000000000.png") == 1).all()


@pytest.mark.parametrize("case", ["no scale", "size", "empty", "no out"])
def test_what_cannot_be_uploaded_is_one_line_and_nothing_is_written(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    model = a_model(tmp_path / "model", metric=case != "no scale")
    (tmp_path / "none").mkdir()
    Image.new("RGB", (20, 10)).save(images / "image" / "x.png") if case == "size" else None
    data = tmp_path / "none" if case == "empty" else images
    out = [] if case == "no out" else ["--out", tmp_path / "upload"]
    with pytest.raises(SystemExit) as stop:
        evaluate(model, "--data", data, *out)
    assert stop.value.code == 2
    error = capsys.readouterr().err
    messages = {"no scale": "--factor", "size": r"20x10", "empty": "no images", "no out": "--out FOLDER"}
    assert messages[case] in error
    assert error.count("\n") == 1
    assert not (tmp_path / "upload").exists()
