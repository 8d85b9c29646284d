import json
import socket
from pathlib import Path

import pytest
import timm
import torch
from timm.models import save_for_hf

from egodepth.foundation.errors import InputError
from egodepth.networks.depth import DepthNet
from egodepth.networks.encoder import Encoder, stack_pair


@pytest.fixture
def local_weights(tmp_path: Path) -> Path:
    """A timm checkpoint folder with random weights, as `save_for_hf` and the model hub lay it out."""
    save_for_hf(timm.create_model("test_resnet", pretrained=False), str(tmp_path / "weights"))
    return tmp_path / "weights"


def refuse(error: BaseException):
    def refusing(*arguments: object, **options: object) -> None:
        raise error

    return refusing


@pytest.mark.parametrize(
    ("name", "channels"),
    [
        ("resnet18", [64, 64, 128, 256, 512]),
        ("mobilenetv3_small_050", [16, 8, 16, 24, 288]),
        ("regnetx_002", [32, 24, 56, 152, 368]),
        ("test_efficientnet", [16, 24, 32, 48, 64]),
    ],
)
def test_any_backbone_with_five_strides_gives_its_features_finest_first(name, channels):
    encoder = Encoder(name).eval()
    features = encoder(torch.rand(2, 3, 64, 96))
    assert encoder.channels == channels
    assert [tuple(f.shape) for f in features] == [(2, c, 64 >> i, 96 >> i) for i, c in enumerate(channels, 1)]


def test_a_backbone_that_starts_at_stride_4_has_no_channels_at_stride_2():
    net = DepthNet("convnext_atto").eval()
    with torch.no_grad():
        features = net.encoder(torch.rand(1, 3, 64, 96))
    assert net.encoder.channels == [0, 40, 80, 160, 320]
    assert [tuple(f.shape[1:]) for f in features] == [
        (c, 64 >> i, 96 >> i) for i, c in enumerate(net.encoder.channels, 1)
    ]
    assert net.disparities(features)[0].shape == (1, 64, 96)


def test_a_backbone_without_the_strides_is_refused_with_those_it_has():
    with pytest.raises(
        InputError, match=r"^encoder 'test_vit' has features at strides \[16, 16, 16\], but needs \[4, 8, 16, 32\]"
    ):
        Encoder("test_vit")


@pytest.mark.parametrize("name", ["resnet81", "", "timm/resnet18", "s3:bucket", "local-dir:", "local-dir:/nowhere"])
def test_an_unknown_backbone_is_one_line_that_names_it(name):
    with pytest.raises(InputError) as caught:
        Encoder(name)
    assert str(caught.value).startswith(f"encoder '{name}' cannot be built (")
    assert "timm.list_models()" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "error", [OSError("no route to host\nmore"), OSError(), RuntimeError("No pretrained weights exist for x")]
)
def test_unreachable_weights_say_what_to_do_in_one_line(monkeypatch, error):
    monkeypatch.setattr(timm, "create_model", refuse(error))
    with pytest.raises(InputError) as caught:
        Encoder("resnet18", pretrained=True)
    message = str(caught.value)
    assert message.startswith("encoder 'resnet18' cannot be built (")
    assert message.endswith("train with --model.no-pretrained, or give a local copy as local-dir:FOLDER")
    assert "\n" not in message


def test_nothing_asks_the_network_without_pretrained_weights(monkeypatch):
    asked: list[object] = []
    monkeypatch.setattr(socket.socket, "connect", lambda *given: asked.append(given))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *given, **_: asked.append(given))
    Encoder("resnet18", pretrained=False)
    assert asked == []


@pytest.mark.parametrize("name", ["resnet18", "tf_efficientnet_lite0", "test_resnet"])
@pytest.mark.parametrize("images", [1, 2])
def test_the_input_is_normalised_inside_by_what_the_backbone_was_trained_with(name, images):
    encoder = Encoder(name, images=images).eval()
    image = torch.rand(1, 3 * images, 64, 64)
    known = timm.get_pretrained_cfg(name)
    mean, spread = (torch.tensor(values * images)[:, None, None] for values in (known.mean, known.std))
    with torch.no_grad():
        expected = encoder.backbone((image - mean) / spread)
        for feature, wanted in zip(encoder(image), expected, strict=True):
            torch.testing.assert_close(feature, wanted, rtol=0, atol=0)
    assert encoder.normalisation == "backbone"


def test_a_local_checkpoints_own_statistics_count(local_weights):
    config = json.loads((local_weights / "config.json").read_text())
    config["pretrained_cfg"] |= {"mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6]}
    (local_weights / "config.json").write_text(json.dumps(config))
    encoder = Encoder(f"local-dir:{local_weights}")
    assert encoder.mean.flatten().tolist() == pytest.approx([0.1, 0.2, 0.3])
    elsewhere = Encoder(encoder.architecture)
    elsewhere.load_state_dict(encoder.state_dict())
    assert elsewhere.spread.flatten().tolist() == pytest.approx([0.4, 0.5, 0.6])


def test_weights_from_before_statistics_were_kept_go_on_to_the_bit():
    encoder = Encoder("resnet18").eval()
    older = {name: value for name, value in encoder.state_dict().items() if name.startswith("backbone.")}
    encoder.load_state_dict(older)
    assert encoder.normalisation == "monodepth2"
    image = torch.rand(2, 3, 64, 96)
    with torch.no_grad():
        expected = encoder.backbone((image - 0.45) / 0.225)  # as it was written then
        assert all(map(torch.equal, encoder(image), expected))


def test_published_statistics_can_be_asked_for():
    encoder = Encoder("resnet18", images=2, normalisation="monodepth2")
    assert encoder.normalisation == "monodepth2"
    assert encoder.mean.flatten().tolist() == pytest.approx(6 * [0.45])
    assert encoder.spread.flatten().tolist() == pytest.approx(6 * [0.225])


def test_given_tensors_become_the_backbones_with_no_word_of_the_classifier(caplog):
    given = timm.create_model("test_efficientnet").state_dict()
    encoder = Encoder("test_efficientnet", given)
    assert "classifier.weight" in given
    assert all(torch.equal(value, given[name]) for name, value in encoder.backbone.state_dict().items())
    assert "state_dict" not in encoder.backbone.pretrained_cfg
    assert not caplog.records


def test_a_local_checkpoint_folder_gives_the_weights(local_weights):
    first, second = (Encoder(f"local-dir:{local_weights}", pretrained=True).state_dict() for _ in range(2))
    fresh = Encoder(f"local-dir:{local_weights}").state_dict()
    weights = {name for name, value in first.items() if value.ndim == 4}
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not any(torch.equal(first[name], fresh[name]) for name in weights)


def test_a_backbone_knows_the_name_it_can_be_built_by_anywhere(local_weights):
    assert Encoder(f"local-dir:{local_weights}").architecture == "test_resnet"
    assert Encoder("resnet18").architecture == "resnet18"


def test_a_pairs_first_convolution_repeats_the_pretrained_one_halved(local_weights):
    single = Encoder(f"local-dir:{local_weights}", pretrained=True)
    pair = Encoder(f"local-dir:{local_weights}", pretrained=True, images=2)
    weight, doubled = next(single.backbone.parameters()), next(pair.backbone.parameters())
    assert doubled.shape[1] == 6
    torch.testing.assert_close(doubled, torch.cat([weight, weight], 1) / 2, rtol=0, atol=0)
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(pair.eval()(stack_pair(image, image)), single.eval()(image))


def test_a_damaged_local_checkpoint_is_one_line(local_weights):
    (local_weights / "model.safetensors").write_bytes(b"damaged")
    (local_weights / "pytorch_model.bin").unlink(missing_ok=True)
    with pytest.raises(InputError, match="cannot be built"):
        Encoder(f"local-dir:{local_weights}", pretrained=True)
    (local_weights / "config.json").write_text("{")
    with pytest.raises(InputError, match="cannot be built"):
        Encoder(f"local-dir:{local_weights}")


def test_a_pair_is_stacked_earlier_first():
    earlier, later = torch.zeros(1, 3, 2, 2), torch.ones(1, 3, 2, 2)
    assert stack_pair(earlier, later)[0, :, 0, 0].tolist() == [0, 0, 0, 1, 1, 1]
