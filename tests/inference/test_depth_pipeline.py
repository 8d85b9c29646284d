"""Code for transformers' depth estimation runs here with another import, and gives the same kinds of results."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from egodepth import DepthPredictor, pipeline
from egodepth.config import ModelConfig
from egodepth.foundation.errors import InputError
from egodepth.weights import DepthModel, ModelCard
from tiny_teacher import save_depth_anything

SNIPPET = """
from {library} import pipeline
from PIL import Image

pipe = pipeline(task="depth-estimation", model=MODEL, device="cpu")
image = Image.open("street.jpg")
result = pipe(image)
depth = result["depth"]
predicted = result["predicted_depth"]

many = pipe(["street.jpg", image, "tall.png"], batch_size=2, num_workers=0)
tall = many[2]["predicted_depth"]
lazy = [found["depth"].size for found in pipe((name for name in ("tall.png", "street.jpg")))]

formatted = (predicted - predicted.min()) / (predicted.max() - predicted.min())
formatted = Image.fromarray((formatted.numpy() * 255).astype("uint8"))
"""
"""As on the pages of Depth Anything's models."""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models of random weights: `relative` and `metric` of egodepth, and one of transformers."""
    folder = tmp_path_factory.mktemp("models")
    for name, metric in (("relative", False), ("metric", True)):
        torch.manual_seed(3)
        network = ModelConfig(encoder="test_resnet", pose="posecnn")
        DepthModel(ModelCard(network=network, size=(64, 96), metric=metric, has_pose_net=False)).save(folder / name)
    save_depth_anything(folder / "theirs")
    return folder


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch) -> Path:
    """The working folder, with a picture 120 wide and 80 high and one 40 wide and 90 high."""
    noise = np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)
    Image.fromarray(noise[:80]).save(tmp_path / "street.jpg")
    Image.fromarray(noise[:, :40]).save(tmp_path / "tall.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ran(library: str, model: Path) -> dict[str, object]:
    names: dict[str, object] = {"MODEL": str(model)}
    exec(SNIPPET.format(library=library), names)
    return names


def described(value: object) -> object:
    """Everything about a result but its numbers."""
    if isinstance(value, dict):
        return {key: described(item) for key, item in value.items()}
    if isinstance(value, list):
        return [described(item) for item in value]
    if isinstance(value, torch.Tensor):
        return type(value), tuple(value.shape), value.dtype, value.device, value.requires_grad
    if isinstance(value, Image.Image):
        return type(value), value.size, value.mode
    return value


@pytest.mark.parametrize("model", ["relative", "metric"])
def test_a_snippet_for_transformers_runs_with_one_line_changed(models: Path, pictures: Path, model: str):
    pytest.importorskip("transformers")
    theirs, ours = ran("transformers", models / "theirs"), ran("egodepth", models / model)
    for name in ("result", "depth", "predicted", "many", "tall", "lazy", "formatted"):
        assert described(ours[name]) == described(theirs[name]), name
    assert described(ours["predicted"])[1:3] == ((80, 120), torch.float32)  # type: ignore[index]
    assert np.ptp(np.asarray(ours["depth"])) == 255


def test_without_a_scale_it_is_inverse_depth_and_with_metres_it_is_depth(models: Path, pictures: Path):
    image = Image.open("street.jpg")
    expected = DepthPredictor.from_pretrained(models / "relative", device="cpu")(image)
    relative, metric = (pipeline(model=models / name, device=-1)(image) for name in ("relative", "metric"))
    assert torch.equal(relative["predicted_depth"], expected.inverse_depth)
    assert torch.equal(metric["predicted_depth"], expected.depth)


@pytest.mark.parametrize("model", ["relative", "metric"])
def test_the_picture_shows_the_nearest_pixel_white_and_the_farthest_black(models: Path, pictures: Path, model: str):
    inverse_depth = DepthPredictor.load(models / model, "cpu")("street.jpg").inverse_depth.numpy()
    picture = np.asarray(pipeline(model=models / model, device="cpu")("street.jpg")["depth"])
    assert (picture[inverse_depth == inverse_depth.max()] == 255).all()
    assert (picture[inverse_depth == inverse_depth.min()] == 0).all()
    order = np.argsort(inverse_depth, axis=None)
    assert (np.diff(picture.ravel()[order].astype(int)) >= 0).all()


def test_an_image_of_one_depth_is_a_black_picture(models: Path):
    model = DepthPredictor.load(models / "relative", "cpu")
    for parameter in model.model.parameters():
        parameter.data.zero_()
    found = pipeline(model=model)(Image.new("RGB", (96, 64)))
    assert np.asarray(found["depth"]).max() == 0


def test_batches_and_data_sets_give_what_single_images_give(models: Path, pictures: Path):
    class Indexed(torch.utils.data.Dataset):
        def __len__(self) -> int:
            return 3

        def __getitem__(self, index: int) -> str:
            return ("street.jpg", "tall.png")[index % 2]

    pipe = pipeline("depth-estimation", models / "relative", "cpu", batch_size=2)
    single = [pipe(name)["predicted_depth"] for name in ("street.jpg", "tall.png", "street.jpg")]
    found = [each["predicted_depth"] for each in pipe(Indexed())]
    assert len(found) == 3
    for one, expected in zip(found, single, strict=True):
        torch.testing.assert_close(one, expected, rtol=1e-4, atol=1e-5)


@pytest.fixture
def web(pictures: Path) -> Iterator[str]:
    """Address of a server of the pictures."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(pictures))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_an_address_is_fetched(models: Path, web: str):
    pipe = pipeline(model=models / "relative", device="cpu")
    by_address = pipe(f"{web}/tall.png?download=1", timeout=10.0)
    assert torch.equal(by_address["predicted_depth"], pipe("tall.png")["predicted_depth"])


def test_what_cannot_be_an_image_is_one_line(models: Path, web: str):
    Path("words.txt").write_text("no image")
    pipe = pipeline(model=models / "relative", device="cpu")
    for given, said in (
        (f"{web}/none.png", f"{web}/none.png: cannot be fetched (HTTP Error 404"),
        (f"{web}/words.txt", f"{web}/words.txt: not a readable image"),
        ("http://[", "http://[: cannot be fetched"),
        ("none.png", "none.png: no such image file"),
        ("data:image/png;base64,AAAA", "an image in base64 is not read"),
        ([5], "int: not an image"),
        (None, "the pipeline got no image"),
    ):
        with pytest.raises(InputError) as caught:
            pipe(given)
        assert str(caught.value).startswith(said)


def test_other_tasks_and_a_missing_model_are_refused(models: Path):
    with pytest.raises(InputError, match="task 'image-classification': egodepth has 'depth-estimation' alone"):
        pipeline("image-classification", models / "relative")
    with pytest.raises(InputError, match="the pipeline got no model"):
        pipeline("depth-estimation")


def test_options_that_change_nothing_are_named(models: Path, caplog):
    pipeline("depth-estimation", models / "relative", "cpu", use_fast=True)
    assert "does not use use_fast" in caplog.text
