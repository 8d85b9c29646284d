"""Checkpoints, model folders, published weights and exports."""

import io
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import nn

from egodepth.config import ModelConfig
from egodepth.training.checkpoint import Progress, load_checkpoint, save_checkpoint
from egodepth.weights import DepthModel, ModelCard, load_model
from egodepth.weights.exported.card import Check, ExportCard, exported_folder, hashed, read_card
from egodepth.weights.folder import _read_card as read_model_card
from egodepth.weights.folder import load_strictly, read_tensors
from egodepth.weights.monodepth2 import _read as read_state_dict
from egodepth.weights.monodepth2 import _resnet_name as resnet_name
from egodepth.weights.monodepth2 import _size as published_size
from fuzz.harness import Parser

_CARD = ModelCard(
    network=ModelConfig(encoder="test_resnet", pose="posecnn"),
    size=(64, 96),
    metric=False,
    has_pose_net=False,
    training_drives=("a", "b"),
    step=7,
)


def _small() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4))


def _sane_card(card: ModelCard) -> None:
    assert 0 < card.network.min_depth < card.network.max_depth < math.inf
    assert all(0 < side <= 1 << 16 for side in card.size), card.size
    assert math.isfinite(card.focal_factor)
    assert card.focal_factor > 0
    assert ":" not in card.network.encoder, card.network.encoder


def _prepare_model(folder: Path) -> Mapping[str, Sequence[bytes]]:
    DepthModel(_CARD).save(folder / "model")
    return {f"model/{name}": [(folder / "model" / name).read_bytes()] for name in ("config.json", "model.safetensors")}


def _read_model(folder: Path) -> None:
    model = load_model(folder / "model")
    _sane_card(model.card)


def _prepare_card(folder: Path) -> Mapping[str, Sequence[bytes]]:
    DepthModel(_CARD).save(folder)
    return {"config.json": [(folder / "config.json").read_bytes()]}


def _read_card(folder: Path) -> None:
    card = read_model_card(folder / "config.json")
    _sane_card(card)
    _sane_card(card.unscaled())


def _prepare_tensors(folder: Path) -> Mapping[str, Sequence[bytes]]:
    from safetensors.torch import save

    content = save({name: value.contiguous() for name, value in _small().state_dict().items()})
    (folder / "state.safetensors").write_bytes(content)
    return {"state.safetensors": [content, save({"0.weight": torch.zeros(4, 3, 3, 3)}, {"format": "pt"})]}


def _read_tensors(folder: Path) -> None:
    load_strictly(_small(), read_tensors(folder / "state.safetensors"), folder / "state.safetensors")


def _prepare_checkpoint(folder: Path) -> Mapping[str, Sequence[bytes]]:
    module = _small()
    optimiser = torch.optim.Adam(module.parameters(), fused=True)
    module(torch.rand(2, 3, 8, 8)).square().mean().backward()
    optimiser.step()
    place = save_checkpoint(folder, module, optimiser, {"seed": 1}, Progress(3, 0.25), 1)
    place.rename(folder / "place")
    return {
        f"place/{name}": [(folder / "place" / name).read_bytes()] for name in ("checkpoint.json", "state.safetensors")
    }


def _read_checkpoint(folder: Path) -> None:
    module = _small()
    progress = load_checkpoint(folder / "place", module, torch.optim.Adam(module.parameters(), fused=True))
    assert isinstance(progress.step, int)
    assert progress.step >= 0, progress
    assert progress.best is None or isinstance(progress.best, float), progress


def _published(zip_format: bool) -> bytes:
    names = [f"encoder.layer{n}.{block}.conv{c}.weight" for n in (1, 3) for block in (0, 1) for c in (1, 2)]
    state = {name: torch.zeros(2, 2) for name in names} | {"height": 192, "width": 640, "use_stereo": False}
    stream = io.BytesIO()
    torch.save(state, stream, _use_new_zipfile_serialization=zip_format)
    return stream.getvalue()


def _prepare_published(folder: Path) -> Mapping[str, Sequence[bytes]]:
    contents = [_published(True), _published(False)]
    (folder / "encoder.pth").write_bytes(contents[0])
    return {"encoder.pth": contents}


def _read_published(folder: Path) -> None:
    path = folder / "encoder.pth"
    state = read_state_dict(path)
    assert resnet_name(state, path) in ("resnet18", "resnet34", "resnet50", "resnet101")
    height, width = published_size(state, path)
    assert 0 < height <= 1 << 16
    assert 0 < width <= 1 << 16


def _prepare_export(folder: Path) -> Mapping[str, Sequence[bytes]]:
    (folder / "model.onnx").write_bytes(b"a model")
    card = ExportCard(
        kind="onnx",
        precision="float32",
        model=_CARD,
        files=(hashed(folder / "model.onnx"),),
        checks=(Check(on="noise", images=1, largest=0.01, mean=0.001),),
    )
    card.write(folder)
    text = (folder / "config.json").read_text()
    return {"config.json": [text.encode(), json.dumps(json.loads(text)).encode()]}


def _read_export(folder: Path) -> None:
    found = exported_folder(folder)
    if found is not None:
        card = read_card(found)
        _sane_card(card.model)
        assert all("/" not in file.name and ".." not in file.name for file in card.files)


PARSERS = (
    Parser("model card", _prepare_card, _read_card),
    Parser("model folder", _prepare_model, _read_model, 0.1),
    Parser("safetensors", _prepare_tensors, _read_tensors),
    Parser("checkpoint", _prepare_checkpoint, _read_checkpoint),
    Parser("published weights (.pth)", _prepare_published, _read_published),
    Parser("export card", _prepare_export, _read_export),
)
