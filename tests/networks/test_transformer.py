"""Depth networks whose encoder is a vision transformer."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from egodepth.cli import main
from egodepth.config import ModelConfig
from egodepth.foundation.errors import InputError
from egodepth.inference.predictor import DepthPredictor
from egodepth.networks import DepthNet, build_depth_net
from egodepth.networks.transformer import DptNet, TransformerEncoder
from egodepth.weights import DepthModel, ModelCard
from tiny_training import a_config, quietly

SIZE = (64, 96)
VIT = {"network": "dpt", "encoder": "test_vit"}


def test_the_encoder_gives_maps_of_stride_16_from_four_depths() -> None:
    encoder = TransformerEncoder("test_vit")
    features = encoder(torch.rand(2, 3, *SIZE))
    assert [tuple(feature.shape) for feature in features] == [(2, channels, 4, 6) for channels in encoder.channels]
    assert len({feature.mean().item() for feature in features}) == 4


@pytest.mark.parametrize("name", ["vit_small_patch14_dinov2", "vit_small_patch16_dinov3"])
def test_a_token_covers_16_pixels_whatever_the_patches_of_the_backbone(name: str, monkeypatch) -> None:
    encoder = TransformerEncoder(name).eval()
    with torch.no_grad():
        assert {tuple(feature.shape[-2:]) for feature in encoder(torch.rand(1, 3, *SIZE))} == {(4, 6)}


def test_disparities_have_the_four_sizes_of_the_unet_and_begin_where_they_are_asked_to() -> None:
    net = build_depth_net(ModelConfig(**VIT, initial_disparity=0.1))
    found: list[Tensor] = net(torch.rand(1, 3, *SIZE))
    assert [tuple(one.shape) for one in found] == [(1, 64 >> scale, 96 >> scale) for scale in range(4)]
    assert all(0.05 < one.mean() < 0.2 for one in found)


@pytest.mark.parametrize("name", ["test_vit", "test_vit2", "vit_little_patch16_reg4_gap_256"])
def test_every_weight_learns(name: str) -> None:
    net = DptNet(name)
    sum(one.sum() for one in net(torch.rand(2, 3, *SIZE))).backward()
    assert [name for name, weight in net.named_parameters() if weight.grad is None] == []


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: DepthNet("test_vit"), "--model.network dpt"),
        (lambda: DptNet("test_resnet"), "is no vision transformer; use --model.network unet"),
        (lambda: DptNet("nonsense"), "cannot be built"),
        (lambda: build_depth_net(ModelConfig(network="none")), "there are: unet, dpt"),
    ],
)
def test_an_encoder_of_the_wrong_kind_and_an_unknown_network_are_refused(make, said: str) -> None:
    with pytest.raises(InputError, match=said):
        make()


@pytest.mark.parametrize("pose", ["separate", "shared", "posecnn"])
def test_it_trains_and_its_model_folder_predicts(make_clip, tmp_path: Path, pose: str) -> None:
    clip = make_clip(tmp_path / "clip", size=(64, 64))
    quietly(a_config(clip, **VIT, pose=pose, steps=2), tmp_path / "run")
    predictor = DepthPredictor.load(tmp_path / "run")
    assert isinstance(predictor.model, DepthModel)
    assert isinstance(predictor.model.depth_net, DptNet)
    assert predictor(torch.rand(1, 3, 50, 70)).depth.shape[-2:] == (50, 70)


def test_predictive_masks_have_a_decoder_of_its_kind(make_clip, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip", size=(64, 64))
    quietly(a_config(clip, **VIT, predictive_mask=True, automask=False, steps=1), tmp_path / "run")


def test_a_card_from_before_there_were_other_networks_means_the_unet() -> None:
    assert ModelCard(network=ModelConfig(), size=SIZE, metric=False, has_pose_net=False).network.network == "unet"


@pytest.mark.parametrize("kind", ["onnx", "openvino"])
def test_a_trained_one_is_exported_and_predicts_the_same(make_clip, tmp_path: Path, kind: str) -> None:
    clip = make_clip(tmp_path / "clip", size=(64, 64))
    quietly(a_config(clip, **VIT, steps=2), tmp_path / "run")
    main(["export", str(tmp_path / "run"), "--out", str(tmp_path / kind), "--format", kind])
    image = torch.rand(1, 3, 64, 64)
    depths = [DepthPredictor.load(tmp_path / folder, "cpu")(image).depth for folder in ("run", kind)]
    torch.testing.assert_close(depths[1], depths[0], rtol=1e-3, atol=0)
