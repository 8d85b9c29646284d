"""Batch statistics for the images that a model will see: those of the training are of jittered ones."""

import copy
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from egodepth.networks import DepthNet
from egodepth.networks.shared_norm import own_norms


@torch.no_grad()
def with_statistics_of(network: DepthNet, batches: Iterable[Tensor]) -> DepthNet:
    """A copy of a depth network whose batch-norm statistics are those of some images, its weights as they are.

    Args:
        network: left as it is.
        batches: images `b 3 h w` in [0, 1], of the network's own size and device; every batch counts the same.
    """
    measured = copy.deepcopy(network).eval()
    own_norms(measured)
    for layer in _norms(measured):
        layer.reset_running_stats()
        layer.momentum = None  # the plain mean of all batches
        layer.train()
    for images in batches:
        measured(images)
    for layer, own in zip(_norms(measured), _norms(network), strict=True):
        layer.momentum = own.momentum
    return measured.eval()


def _norms(network: nn.Module) -> list[_BatchNorm]:
    return [layer for layer in network.modules() if isinstance(layer, _BatchNorm)]
