"""Batch-norm statistics of clean images. Those of the training come from jittered images."""

import copy
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from egodepth.networks import DepthNet
from egodepth.networks.shared_norm import own_norms


@torch.no_grad()
def with_statistics_of(network: DepthNet, batches: Iterable[Tensor]) -> DepthNet:
    """Return a copy of a depth network with the same weights, and the batch-norm statistics of the given images.

    Args:
        network: the network to copy; it does not change.
        batches: images `b 3 h w` in [0, 1], at the network's size and on its device; all batches have equal weight.
    """
    measured = copy.deepcopy(network).eval()
    own_norms(measured)
    for layer in _norms(measured):
        layer.reset_running_stats()
        layer.momentum = None  # cumulative mean over all batches
        layer.train()
    for images in batches:
        measured(images)
    for layer, own in zip(_norms(measured), _norms(network), strict=True):
        layer.momentum = own.momentum
    return measured.eval()


def _norms(network: nn.Module) -> list[_BatchNorm]:
    return [layer for layer in network.modules() if isinstance(layer, _BatchNorm)]
