"""A model of random weights that runs in milliseconds."""

import torch

from egodepth.config import ModelConfig
from egodepth.weights import DepthModel, ModelCard

SIZE = (64, 128)


def tiny_model() -> DepthModel:
    torch.manual_seed(0)
    network = ModelConfig(encoder="test_resnet")
    return DepthModel(ModelCard(network=network, size=SIZE, metric=False, has_pose_net=False))
