import pytest
import torch

from egodepth.networks.decoder import Decoder, ReflectedConv3x3

CHANNELS = [64, 64, 128, 256, 512]


def features(height: int = 64, width: int = 96) -> list[torch.Tensor]:
    return [torch.randn(2, c, height >> i, width >> i) for i, c in enumerate(CHANNELS, 1)]


@pytest.mark.parametrize("outputs", [1, 2])
def test_maps_between_0_and_1_come_at_the_four_finest_scales(outputs):
    maps = Decoder(CHANNELS, outputs)(features())
    assert [tuple(m.shape) for m in maps] == [(2, outputs, 64 >> s, 96 >> s) for s in range(4)]
    assert all(((m > 0) & (m < 1)).all() for m in maps)


def test_the_stages_have_the_channels_of_the_paper():
    decoder = Decoder(CHANNELS)
    before = [tuple(stage.before[0].weight.shape) for stage in decoder.stages]
    after = [tuple(stage.after[0].weight.shape) for stage in decoder.stages]
    assert before == [(16, 32, 3, 3), (32, 64, 3, 3), (64, 128, 3, 3), (128, 256, 3, 3), (256, 512, 3, 3)]
    assert after == [(16, 16, 3, 3), (32, 96, 3, 3), (64, 128, 3, 3), (128, 256, 3, 3), (256, 512, 3, 3)]
    assert [tuple(head.weight.shape) for head in decoder.heads] == [(1, c, 3, 3) for c in (16, 32, 64, 128)]


def test_every_convolution_reflects_at_the_border():
    convolutions = [m for m in Decoder(CHANNELS).modules() if isinstance(m, torch.nn.Conv2d)]
    assert len(convolutions) == 14
    assert all(isinstance(m, ReflectedConv3x3) for m in convolutions)


def test_each_encoder_feature_reaches_the_finest_map():
    decoder, given = Decoder(CHANNELS), features()
    for feature in given:
        feature.requires_grad_()
    decoder(given)[0].sum().backward()
    assert all(feature.grad is not None and feature.grad.abs().sum() > 0 for feature in given)


def test_the_untrained_maps_are_about_what_is_asked_for():
    maps = Decoder(CHANNELS, initial=0.1)(features())
    assert all(abs(m.mean().item() - 0.1) < 0.05 for m in maps)
