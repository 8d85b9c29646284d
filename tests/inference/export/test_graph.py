import numpy as np
import pytest
import torch

from egodepth.config import ModelConfig
from egodepth.data import images
from egodepth.inference.export.graph import DepthGraph, _resized, resampling_matrix
from egodepth.inference.predictor import DepthPredictor
from egodepth.weights import DepthModel, ModelCard


@pytest.mark.skipif(not images._TORCH_HAS_LANCZOS, reason="PIL resizes")
@pytest.mark.parametrize("shape", [(375, 242), (192, 320), (48, 65), (97, 1000), (1, 3)])
def test_images_are_resized_as_those_of_trainings_are(shape: tuple[int, int]) -> None:
    """To the bit; where a sum of many float32 products meets a half, in one of ten thousand, a level off."""
    pixels = torch.randint(0, 256, (2, *shape, 3), dtype=torch.uint8)
    expected = np.stack([images.resize_rgb(image, (96, 128)) for image in pixels.numpy()])
    found = _resized(pixels.float(), (96, 128)).permute(0, 2, 3, 1).numpy()
    assert np.abs(found - expected).max() <= 1
    assert (found != expected).mean() <= 2e-4


def test_an_axis_of_the_same_size_stays_as_it_is() -> None:
    matrix, divisor = resampling_matrix(96, 96)
    assert torch.equal(matrix / divisor, torch.eye(96))


@pytest.mark.parametrize("size", [(64, 96), (50, 131), (150, 70)])
def test_the_graph_gives_the_predictors_depth(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    network = ModelConfig(encoder="test_resnet", min_depth=1.0, max_depth=80.0)
    model = DepthModel(ModelCard(network=network, size=(64, 96), metric=True, has_pose_net=False))
    pixels = torch.randint(0, 256, (2, *size, 3), dtype=torch.uint8)
    with torch.no_grad():
        depth, inverse_depth = DepthGraph(model)(pixels)
    expected = DepthPredictor(model)(pixels.permute(0, 3, 1, 2).float() / 255)
    torch.testing.assert_close(depth, expected.depth, rtol=1e-4, atol=0)
    torch.testing.assert_close(inverse_depth, expected.inverse_depth, rtol=1e-4, atol=0)
