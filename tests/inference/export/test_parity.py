from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate

from egodepth.config import ModelConfig
from egodepth.inference.export import graph
from egodepth.inference.export.graph import DepthGraph
from egodepth.inference.export.parity import TOLERANCES, compared, noise, passes, resized_noise
from egodepth.inference.predictor import DepthPredictor
from egodepth.networks import DepthNet
from egodepth.weights import DepthModel, ModelCard, find_encoder_weights
from egodepth.weights.exported.card import Check
from egodepth.weights.pretrained import NoWeightsError

SIZE = (64, 96)


def a_sensitive_model() -> DepthModel:
    """One whose depth changes as much with one level of a pixel as that of a pretrained one."""
    torch.manual_seed(0)
    network = ModelConfig(encoder="test_resnet")
    model = DepthModel(ModelCard(network=network, size=SIZE, metric=False, has_pose_net=False))
    with torch.no_grad():
        model.depth_net.decoder.heads[0].weight *= 70
    return model.eval()


def a_pretrained_lite0() -> DepthModel:
    try:
        found = find_encoder_weights("tf_efficientnet_lite0")
    except NoWeightsError:
        pytest.skip("no pretrained weights here")
    torch.manual_seed(0)
    network = ModelConfig(encoder="tf_efficientnet_lite0")
    card = ModelCard(network=network, size=SIZE, metric=False, has_pose_net=False)
    return DepthModel(card, DepthNet(network.encoder, found.weights)).eval()


def checked(model: DepthModel, exported: torch.nn.Module) -> tuple[Check, Check]:
    predictor = DepthPredictor(model)

    def expected(images: np.ndarray) -> np.ndarray:
        return predictor(torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255).depth.numpy()

    @torch.no_grad()
    def run(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        depth, inverse_depth = exported(torch.from_numpy(images))
        return depth.numpy(), inverse_depth.numpy()

    return (
        compared("noise", [noise(SIZE)], SIZE, expected, run),
        compared("resized noise", resized_noise(SIZE), SIZE, expected, run),
    )


@pytest.mark.parametrize("make", [a_sensitive_model, a_pretrained_lite0])
def test_a_level_of_rounding_that_a_sensitive_network_sees_is_no_difference(make: Callable[[], DepthModel]) -> None:
    model = make()
    plain, resized = checked(model, DepthGraph(model))
    assert (plain.resized, resized.resized) == (False, True)
    assert plain.largest < 1e-5
    # In some pixel the resize meets a half, and goes the other way.
    assert resized.largest > 1e-3
    assert passes(plain, "float32")
    assert passes(resized, "float32")


def test_a_weight_that_is_a_little_off_is_refused() -> None:
    model = a_sensitive_model()
    exported = DepthGraph(model)
    with torch.no_grad():
        next(exported.depth_net.encoder.parameters()).mul_(1.01)
    assert not any(passes(check, "float32") for check in checked(model, exported))


@pytest.mark.parametrize("antialias", [True, False])
def test_another_resize_is_refused(monkeypatch: pytest.MonkeyPatch, antialias: bool) -> None:
    def bicubic(images: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
        pixels = interpolate(images.permute(0, 3, 1, 2), size, mode="bicubic", antialias=antialias)
        return pixels.round().clamp(0, 255)

    monkeypatch.setattr(graph, "_resized", bicubic)
    model = a_sensitive_model()
    plain, resized = checked(model, DepthGraph(model))
    assert passes(plain, "float32")
    assert not passes(resized, "float32")


def test_a_resize_without_rounding_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph, "_in_levels", lambda sums, precision: (sums / precision).clamp(0, 255))
    model = a_sensitive_model()
    plain, resized = checked(model, DepthGraph(model))
    assert passes(plain, "float32")
    assert not passes(resized, "float32")


def test_a_difference_in_few_places_is_refused_where_nothing_was_resized() -> None:
    images, right = noise(SIZE), np.ones((1, *SIZE), np.float32)
    wrong = right.copy()
    wrong[0, 0, 0] = 1.01
    check = compared("noise", [images], SIZE, lambda _: right, lambda _: (wrong, wrong))
    assert check.mean < 1e-5
    assert not passes(check, "float32")


def test_a_depth_that_is_no_number_fails_the_check() -> None:
    images = np.zeros((1, 2, 2, 3), np.uint8)
    broken = np.full((1, 2, 2), np.nan, np.float32)
    for size in ((2, 2), (4, 4)):
        check = compared("noise", [images], size, lambda _: np.ones((1, 2, 2), np.float32), lambda _: (broken, broken))
        assert not any(passes(check, precision) for precision in TOLERANCES)
