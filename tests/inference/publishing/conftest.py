"""A model of random weights, a report about it, and a hub on this machine."""

from collections.abc import Callable, Iterator
from pathlib import Path

import huggingface_hub
import numpy as np
import pytest
from PIL import Image

from egodepth.cli import main
from egodepth.config import ModelConfig
from egodepth.weights import DepthModel, ModelCard
from inference.publishing.fake_hub import FakeHub, served

NETWORK = ModelConfig(encoder="test_resnet", pose="posecnn")


@pytest.fixture
def make_model(tmp_path: Path) -> Callable[..., Path]:
    """Writes a model folder; the arguments are fields of its card."""

    def make(**fields: object) -> Path:
        card = {"network": NETWORK, "size": (64, 96), "metric": True, "has_pose_net": False} | fields
        DepthModel(ModelCard(**card)).save(tmp_path / "own" / "model")  # type: ignore[arg-type]
        return tmp_path / "own" / "model"

    return make


@pytest.fixture(scope="session")
def scored(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A model in metres, and the report of `evaluate` about it."""
    folder = tmp_path_factory.mktemp("scored")
    rows, random = ["drive,frame,image,camera,depth"], np.random.default_rng(0)
    for frame in range(4):
        Image.fromarray(random.integers(0, 256, (64, 96, 3), np.uint8)).save(folder / f"{frame}.png")
        np.save(folder / f"{frame}.npy", random.uniform(2, 40, (64, 96)).astype(np.float32))
        rows.append(f"street,{frame},{frame}.png,camera.json,{frame}.npy")
    (folder / "camera.json").write_text('{"fov_deg": 70}')
    (folder / "manifest.csv").write_text("\n".join(rows))
    card = ModelCard(network=NETWORK, size=(64, 96), metric=True, has_pose_net=False)
    DepthModel(card).save(folder / "model")
    words = "--benchmark synthetic --limit 2 --size 64 64 --post-process --device cpu"
    report = ["--out", str(folder / "report"), "--json", str(folder / "figures.json")]
    main(["evaluate", str(folder / "model"), "--data", str(folder), *words.split(), *report])
    return folder / "model", folder / "figures.json"


@pytest.fixture
def hub(monkeypatch, tmp_path: Path) -> Iterator[FakeHub]:
    """The hub that the client asks, with a token for it."""
    with served() as hub:
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", hub.address)
        monkeypatch.setattr(huggingface_hub.constants, "HF_TOKEN_PATH", str(tmp_path / "no_token"))
        monkeypatch.setenv("HF_TOKEN", "hf_for_tests")
        yield hub
