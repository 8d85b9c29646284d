import pytest
import torch
from torch.nn.functional import interpolate

from egodepth.config import ModelConfig
from egodepth.exported.graph import DepthGraph, resampling_matrix
from egodepth.predictor import DepthPredictor
from egodepth.weights import DepthModel, ModelCard


@pytest.mark.parametrize(("inputs", "outputs"), [(375, 192), (192, 192), (100, 320), (37, 64), (640, 64)])
def test_multiplied_with_the_matrix_an_axis_is_resized_as_torch_does(inputs: int, outputs: int) -> None:
    image = torch.rand(2, 1, inputs, 5)
    expected = interpolate(image, (outputs, 5), mode="bicubic", align_corners=False, antialias=True)
    torch.testing.assert_close(resampling_matrix(inputs, outputs) @ image, expected, rtol=0, atol=1e-4)


def test_an_axis_of_the_same_size_stays_as_it_is() -> None:
    torch.testing.assert_close(resampling_matrix(96, 96), torch.eye(96), rtol=0, atol=1e-6)


@pytest.mark.parametrize("size", [(64, 96), (50, 131), (150, 70)])
def test_the_graph_gives_the_predictors_depth(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    network = ModelConfig(encoder="test_resnet", min_depth=1.0, max_depth=80.0)
    model = DepthModel(ModelCard(network=network, size=(64, 96), metric=True, has_pose_net=False))
    images = torch.randint(0, 256, (2, *size, 3), dtype=torch.uint8)
    with torch.no_grad():
        depth, inverse_depth = DepthGraph(model)(images)
    expected = DepthPredictor(model)(images.permute(0, 3, 1, 2).float() / 255)
    torch.testing.assert_close(depth, expected.depth, rtol=1e-4, atol=0)
    torch.testing.assert_close(inverse_depth, expected.inverse_depth, rtol=1e-4, atol=0)
