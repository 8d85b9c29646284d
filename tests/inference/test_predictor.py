import logging

import numpy as np
import pytest
import torch
from PIL import Image

from egodepth.config import ModelConfig
from egodepth.foundation.errors import InputError
from egodepth.inference.predictor import DepthPredictor, blend_mirrored
from egodepth.weights import DepthModel, ModelCard

SIZE = (64, 96)


@pytest.fixture(scope="module")
def model() -> DepthModel:
    torch.manual_seed(0)
    network = ModelConfig(encoder="mobilenetv3_small_050")
    return DepthModel(ModelCard(size=SIZE, metric=False, has_pose_net=False, network=network))


@pytest.fixture
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (50, 90, 3), dtype=np.uint8)


def test_every_kind_of_input_gives_the_same_depth(model, pixels, tmp_path):
    predictor = DepthPredictor(model)
    path = tmp_path / "image.png"
    Image.fromarray(pixels).save(path)
    tensor = torch.from_numpy(pixels).permute(2, 0, 1).float() / 255
    expected = predictor(tensor[None]).depth[0]
    for image in (pixels, Image.fromarray(pixels), path, str(path), tensor, tensor.double()):
        prediction = predictor(image)
        assert prediction.depth.shape == (50, 90)
        torch.testing.assert_close(prediction.depth, expected)
        torch.testing.assert_close(prediction.inverse_depth, 1 / prediction.depth)


def test_a_batch_stays_a_batch(model):
    images = torch.rand(3, 3, 40, 70)
    predictor = DepthPredictor(model)
    depth = predictor(images).depth
    assert depth.shape == (3, 40, 70)
    torch.testing.assert_close(depth[1], predictor(images[1]).depth, rtol=1e-4, atol=1e-6)


def test_grey_and_transparent_pictures_are_taken_as_colour(model, pixels):
    predictor = DepthPredictor(model)
    grey = Image.fromarray(pixels[..., 0])
    torch.testing.assert_close(predictor(grey).depth, predictor(grey.convert("RGB")).depth)
    transparent = Image.fromarray(pixels).convert("RGBA")
    torch.testing.assert_close(predictor(transparent).depth, predictor(pixels).depth)


def test_at_its_own_size_the_prediction_is_the_networks(model):
    image = torch.rand(1, 3, *SIZE)
    with torch.no_grad():
        disparity = model(image)[0]
    expected = 1 / 100 + (1 / 0.1 - 1 / 100) * disparity
    torch.testing.assert_close(DepthPredictor(model)(image).inverse_depth, expected)


def test_depth_stays_within_the_models_limits_and_needs_no_gradient(model, pixels):
    depth = DepthPredictor(model)(pixels).depth
    assert depth.min() >= 0.1
    assert depth.max() <= 100
    assert not depth.requires_grad


def test_shrinking_is_filtered_against_aliasing(model):
    predictor = DepthPredictor(model)
    checkers = torch.zeros(3, SIZE[0] * 4, SIZE[1] * 4)
    checkers[:, ::2, ::2] = checkers[:, 1::2, 1::2] = 1
    grey = torch.full((3, *SIZE), 0.5)
    near_border = slice(1, -1)
    expected = predictor(grey).inverse_depth.mean()
    actual = predictor(checkers).inverse_depth[near_border, near_border].mean()
    torch.testing.assert_close(actual, expected, rtol=1e-2, atol=0)


def test_whether_depth_is_metric_comes_from_the_card(pixels):
    card = ModelCard(size=SIZE, metric=True, has_pose_net=False, network=ModelConfig(encoder="mobilenetv3_small_050"))
    assert DepthPredictor(DepthModel(card))(pixels).metric is True


def test_another_size_warns_in_one_line_and_is_used(model, pixels, caplog):
    with caplog.at_level(logging.WARNING, "egodepth"):
        predictor = DepthPredictor(model, size=(96, 128))
    assert [record.getMessage() for record in caplog.records] == [
        "The model was trained at 96x64 and runs at 128x96: expect worse depth."
    ]
    assert predictor(pixels).depth.shape == (50, 90)
    caplog.clear()
    DepthPredictor(model, size=SIZE)
    assert not caplog.records


def test_a_size_that_the_network_cannot_take_is_an_input_error(model):
    for size in ((80, 96), (32, 96)):
        with pytest.raises(InputError, match="multiples of 32"):
            DepthPredictor(model, size=size)


def test_post_processing_makes_the_prediction_mirror_with_the_image(model):
    predictor = DepthPredictor(model, post_process=True)
    image = torch.rand(1, 3, *SIZE)
    plain, mirrored = predictor(image).inverse_depth, predictor(image.flip(-1)).inverse_depth.flip(-1)
    middle = slice(10, -10)  # beyond the ramps, which end at a tenth of the width
    torch.testing.assert_close(plain[..., middle], mirrored[..., middle])


def test_post_processing_takes_each_border_from_one_of_the_two():
    plain, mirrored = torch.full((1, 2, 200), 1.0), torch.full((1, 2, 200), 3.0)
    blended = blend_mirrored(plain, mirrored)[0, 0]
    assert (blended[:10] == 3).all()
    assert (blended[-10:] == 1).all()
    torch.testing.assert_close(blended[20:-20], torch.full((160,), 2.0))
    # On the left ramp the share of the mirrored one falls evenly from 1 to a half.
    torch.testing.assert_close(blended[10:20], 3 - (torch.arange(10) + 0.5) / 10)


@pytest.mark.parametrize(
    ("image", "hint"),
    [
        (np.zeros((4, 5), np.uint8), "uint8 RGB"),
        (np.zeros((4, 5, 3), np.float32), "uint8 RGB"),
        (torch.zeros(3, 4, 5, dtype=torch.uint8), "floats in"),
        (torch.zeros(4, 5), "floats in"),
        (torch.full((3, 4, 5), 200.0), "divide"),
        (torch.full((3, 4, 5), torch.nan), "NaN"),
        (torch.zeros(0, 3, 4, 5), "no image"),
        (np.zeros((0, 5, 3), np.uint8), "uint8 RGB"),
        (Image.fromarray(np.full((4, 5), 7.0, np.float32)), "8 bits"),
        ("missing.png", "missing.png"),
    ],
)
def test_what_is_no_image_is_an_input_error_that_says_what_to_give(model, image, hint):
    with pytest.raises(InputError, match=hint):
        DepthPredictor(model)(image)


def test_a_saved_model_predicts_as_before(model, pixels, tmp_path):
    model.save(tmp_path / "model")
    loaded = DepthPredictor.load(tmp_path / "model", device="cpu")
    assert torch.equal(loaded(pixels).depth, DepthPredictor(model)(pixels).depth)


def test_a_device_that_is_not_there_is_an_input_error(model, tmp_path):
    model.save(tmp_path / "model")
    with pytest.raises(InputError, match="device 'cuda:99'"):
        DepthPredictor.load(tmp_path / "model", device="cuda:99")
