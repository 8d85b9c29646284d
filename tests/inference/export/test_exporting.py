import json
import shutil
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from jaxtyping import Float
from PIL import Image

from egodepth.commands.export import Export
from egodepth.config import ModelConfig
from egodepth.data.drive import Drive
from egodepth.foundation.errors import InputError
from egodepth.geometry.camera import Camera
from egodepth.inference.export import exporting as export
from egodepth.inference.export import parity
from egodepth.inference.predictor import DepthPredictor
from egodepth.weights import DepthModel, ModelCard, load_model
from egodepth.weights.exported.card import exported_folder
from egodepth.weights.exported.runtime import ExportedModel, load_exported

# Not by importing: OpenVINO would report that to its makers.
if not all(map(find_spec, ("onnx", "onnxruntime", "onnxscript", "openvino", "nncf"))):
    pytest.skip("the extra `export` is not installed", allow_module_level=True)

SIZE = (64, 96)
FILES = {"onnx": ["model.onnx"], "openvino": ["model.bin", "model.xml"], "torch": ["model.pt2", "model.safetensors"]}


def a_model(folder: Path, encoder: str = "test_resnet", has_pose_net: bool = False) -> Path:
    torch.manual_seed(0)
    network = ModelConfig(encoder=encoder, min_depth=1.0, max_depth=50.0)
    DepthModel(ModelCard(network=network, size=SIZE, metric=True, has_pose_net=has_pose_net)).save(folder)
    return folder


class GradientDrive(Drive):
    """Frames that are brighter from one to the next, of a plane; the training split has no truth."""

    def __init__(self, split: str) -> None:
        self.name, self.frames, self.split = split, [0, 1, 2], split
        self.camera = Camera(torch.ones(2), torch.full((2,), 0.5))

    def read_image(self, frame: int, partner: bool = False) -> np.ndarray:
        ramp = np.linspace(20, 150 + 40 * frame, 120)[None, :, None]
        return np.broadcast_to(ramp, (70, 120, 3)).astype(np.uint8)

    @property
    def depth_frames(self) -> Sequence[int]:
        return self.frames if self.split == "test" else []

    def read_depth(self, frame: int) -> Float[np.ndarray, "h w"]:
        return np.full((70, 120), 5.0 + frame, np.float32)


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model as `model`, and in a folder of its name in each format."""
    folder = tmp_path_factory.mktemp("exports")
    a_model(folder / "model", has_pose_net=True)
    for kind in FILES:
        Export(str(folder / "model"), folder / kind, format=kind, json=folder / f"{kind}.json")()
    return folder


@pytest.fixture
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (50, 131, 3), dtype=np.uint8)


@pytest.mark.parametrize("kind", FILES)
def test_an_export_is_a_model_that_predicts_the_same(exports: Path, pixels: np.ndarray, kind: str) -> None:
    expected, exported = DepthPredictor.load(exports / "model"), DepthPredictor.load(exports / kind)
    prediction = exported(pixels)
    torch.testing.assert_close(prediction.depth, expected(pixels).depth, rtol=1e-4, atol=0)
    torch.testing.assert_close(prediction.inverse_depth, 1 / prediction.depth)
    assert prediction.metric
    assert exported.size == SIZE
    batch = torch.from_numpy(np.stack([pixels, pixels[::-1], 255 - pixels])).permute(0, 3, 1, 2) / 255
    torch.testing.assert_close(exported(batch).depth, expected(batch).depth, rtol=1e-4, atol=0)


@pytest.mark.parametrize("kind", FILES)
def test_the_folder_says_what_it_is_and_what_was_checked(exports: Path, kind: str) -> None:
    assert sorted(path.name for path in (exports / kind).iterdir()) == ["config.json", *FILES[kind]]
    card = json.loads((exports / kind / "config.json").read_text())
    assert card == json.loads((exports / f"{kind}.json").read_text())
    assert (card["kind"], card["precision"]) == (kind, "float32")
    assert card["model"]["size"] == list(SIZE)
    assert card["model"]["has_pose_net"] is False
    assert [(check["on"], check["images"]) for check in card["checks"]] == [("noise", 1), ("resized noise", 5)]
    assert all(0 < check["mean"] < check["largest"] < 1e-4 for check in card["checks"])


@pytest.mark.parametrize("kind", ["onnx", "openvino"])
def test_post_processing_blends_as_before(exports: Path, pixels: np.ndarray, kind: str) -> None:
    at_own_size = np.resize(pixels, (*SIZE, 3))
    expected = DepthPredictor.load(exports / "model", post_process=True)(at_own_size)
    exported = DepthPredictor.load(exports / kind, post_process=True)(at_own_size)
    torch.testing.assert_close(exported.depth, expected.depth, rtol=1e-4, atol=0)


@pytest.mark.parametrize("kind", ["onnx", "openvino"])
def test_several_threads_may_predict_at_once(exports: Path, kind: str) -> None:
    model = load_exported(exports / kind)
    assert isinstance(model, ExportedModel)
    generator = np.random.default_rng(0)
    images = [generator.integers(0, 256, (1, 40 + 8 * (i % 3), 60, 3), dtype=np.uint8) for i in range(12)]
    expected = [model(image)[0] for image in images]
    with ThreadPoolExecutor(4) as pool:
        for depth, alone in zip(pool.map(lambda image: model(image)[0], images), expected, strict=True):
            np.testing.assert_allclose(depth, alone, rtol=1e-5)


def test_what_an_exported_model_cannot_do_is_an_input_error(exports: Path) -> None:
    with pytest.raises(InputError, match="96x64"):
        DepthPredictor.load(exports / "onnx", size=(96, 128))
    with pytest.raises(InputError, match="CPU"):
        DepthPredictor.load(exports / "onnx", device="cuda")
    assert DepthPredictor.load(exports / "onnx", device="cpu", size=SIZE).device == torch.device("cpu")


def test_bfloat16_and_given_images(exports: Path, tmp_path: Path, pixels: np.ndarray, capsys) -> None:
    Image.fromarray(pixels).save(tmp_path / "image.png")
    images = (tmp_path / "image.png",)
    out = tmp_path / "out"
    Export(str(exports / "model"), out, format="openvino", precision="bfloat16", images=images, size=(96, 96))()
    assert capsys.readouterr().out.splitlines()[2].startswith("depth on given images (1 images) differs by at most")
    exported, expected = DepthPredictor.load(out), DepthPredictor.load(exports / "model", size=(96, 96))
    assert exported.size == (96, 96)
    torch.testing.assert_close(exported(pixels).depth, expected(pixels).depth, rtol=0.1, atol=0)


def test_int8_is_calibrated_and_its_loss_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pixels: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(export, "open_drives", lambda path, split, *_: [GradientDrive(split)])
    model, out = a_model(tmp_path / "model"), tmp_path / "out"
    data = tmp_path / "data"
    Export(str(model), out, format="openvino", precision="int8", calibrate=data, evaluate=data, limit=2)()
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith(("depth", "abs_rel"))]
    assert [line.split(":")[0] for line in lines[1:]] == [
        f"abs_rel (synthetic, {alignment}, 2 images)" for alignment in ("none", "median")
    ]
    assert lines[0].startswith("depth on calibration frames (3 images)")
    card = json.loads((out / "config.json").read_text())
    assert [score["images"] for score in card["accuracy"]] == [2, 2]
    assert "i8" in (out / "model.xml").read_text()
    expected = DepthPredictor.load(model)(pixels).depth
    assert ((DepthPredictor.load(out)(pixels).depth / expected - 1).abs().mean() < 0.1).item()


def test_an_export_that_sees_a_level_of_rounding_is_written(tmp_path: Path) -> None:
    """As pretrained networks do: a pixel whose resize meets a half moves their depth by more than a thousandth."""
    model = load_model(a_model(tmp_path / "plain"))
    with torch.no_grad():
        model.depth_net.decoder.heads[0].weight *= 150
    model.save(tmp_path / "model")
    Export(str(tmp_path / "model"), tmp_path / "out", format="openvino")()
    noise, resized = json.loads((tmp_path / "out" / "config.json").read_text())["checks"]
    assert noise["largest"] < 1e-4
    assert resized["largest"] > 1e-3


@pytest.mark.parametrize("kind", ["openvino", "torch"])
def test_where_the_parity_check_fails_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setitem(parity.TOLERANCES, "float32", ("largest", 1e-9))
    model = a_model(tmp_path / "model")
    with pytest.raises(InputError, match=r"differs by at most .*nothing written"):
        Export(str(model), tmp_path / "out", format=kind)()
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize(("kind", "file"), [(kind, file) for kind, files in FILES.items() for file in files])
def test_a_damaged_file_is_one_line_that_names_it(exports: Path, tmp_path: Path, kind: str, file: str) -> None:
    for path in (exports / kind).iterdir():
        content = path.read_bytes()
        (tmp_path / path.name).write_bytes(content[: len(content) // 2] if path.name == file else content)
    with pytest.raises(InputError, match=f"{file}: missing or damaged"):
        DepthPredictor.load(tmp_path)
    (tmp_path / file).unlink()
    with pytest.raises(InputError, match=f"{file}: missing or damaged"):
        DepthPredictor.load(tmp_path)


@pytest.mark.parametrize(
    ("field", "value", "hint"),
    [
        ("format", "egodepth-export-9", "this version reads"),
        ("kind", "tensorrt", "kind"),
        ("files", [{"name": "../model/config.json", "sha256": ""}], "missing or damaged"),
    ],
)
def test_a_card_of_another_kind_is_an_input_error(exports: Path, tmp_path: Path, field, value, hint: str) -> None:
    card = json.loads((exports / "onnx" / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(card | {field: value}))
    with pytest.raises(InputError, match=hint):
        DepthPredictor.load(tmp_path)


def test_what_a_runtime_cannot_read_is_an_input_error(exports: Path, tmp_path: Path) -> None:
    from egodepth.weights.exported.card import hashed, read_card
    from egodepth.weights.exported.runtime import open_file

    for name, kind in (("model.onnx", "onnx"), ("model.xml", "openvino")):
        (tmp_path / name).write_text("nonsense")
        with pytest.raises(InputError, match=f"{name}.*cannot read it"):
            open_file(tmp_path / name, kind, "float32")
    assert hashed(exports / "onnx" / "model.onnx") in read_card(exports / "onnx").files


@pytest.mark.parametrize(("kind", "package"), [("onnx", "onnxscript"), ("openvino", "openvino")])
def test_without_a_package_exporting_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, package: str
) -> None:
    model = a_model(tmp_path / "model")
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InputError, match=rf"{package}.*pip install 'egodepth\[export\]'"):
        Export(str(model), tmp_path / "out", format=kind)()
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize(("kind", "package"), [("onnx", "onnxruntime"), ("openvino", "openvino")])
def test_without_its_runtime_an_export_is_one_line(
    exports: Path, monkeypatch: pytest.MonkeyPatch, kind: str, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InputError, match=rf"{package}.*pip install 'egodepth\[export\]'"):
        DepthPredictor.load(exports / kind)


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({"precision": "bfloat16"}, "openvino"),
        ({"precision": "int8", "format": "openvino"}, "--calibrate"),
        ({"calibrate": Path("x")}, "--calibrate"),
        ({"limit": 0}, "--limit"),
    ],
)
def test_options_that_do_not_go_together_are_an_input_error(tmp_path: Path, options, hint: str) -> None:
    with pytest.raises(InputError, match=hint):
        Export("model", tmp_path / "out", **options)()


def test_an_export_replaces_an_older_one_and_nothing_else(exports: Path, tmp_path: Path) -> None:
    model = a_model(tmp_path / "model")
    with pytest.raises(InputError, match=r"holds config\.json, which no export has put there"):
        Export(str(model), model)()
    shutil.copytree(exports / "onnx", tmp_path / "out")
    Export(str(model), tmp_path / "out", format="torch")()
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["config.json", *FILES["torch"]]
    assert exported_folder(tmp_path / "out") == tmp_path / "out"
    assert exported_folder(model) is None
    (tmp_path / "out" / "app.py").write_text("the user's")
    with pytest.raises(InputError, match=r"holds app\.py, which no export has put there"):
        Export(str(model), tmp_path / "out", format="torch")()
    assert (tmp_path / "out" / "app.py").read_text() == "the user's"
    for damaged in (
        '{"format": "egodepth-export-1", "files": 3}',
        '{"format": "egodepth-export-1", "files": [{"name": []}]}',
    ):
        (tmp_path / "out" / "config.json").write_text(damaged)
        with pytest.raises(InputError, match="which no export has put there"):
            Export(str(model), tmp_path / "out", format="torch")()
