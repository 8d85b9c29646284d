"""The exported graph: 8-bit images of any size in, depth at their own size out."""

import copy
import math
from typing import Any

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn.functional import interpolate

from egodepth.networks import disparity_to_depth
from egodepth.networks.plain import as_commonly_written
from egodepth.weights import DepthModel


class DepthGraph(nn.Module):
    """Resizing, normalisation, network, disparity to depth, resizing back: the work of a predictor as one graph.

    The input is the 8-bit image of a camera or decoder. Batch, height and width are dynamic.
    """

    def __init__(self, model: DepthModel, size: tuple[int, int] | None = None) -> None:
        """Wrap a model's depth network; `size` is the height and width at which it runs, if not the model's."""
        super().__init__()
        self.depth_net = copy.deepcopy(model.depth_net)
        as_commonly_written(self.depth_net)
        self.size = size or model.card.size
        self.limits = (model.card.network.min_depth, model.card.network.max_depth)
        self.eval()

    def forward(self, images: UInt8[Tensor, "b h w 3"]) -> tuple[Float[Tensor, "b h w"], Float[Tensor, "b h w"]]:
        """Return depth along the optical axis (metres if the model is metric) and inverse depth of RGB images."""
        _, height, width, _ = images.shape
        disparity = self.depth_net(_resized(images.float(), self.size) / 255)[0]
        inverse_depth = 1 / disparity_to_depth(disparity, *self.limits)
        inverse_depth = interpolate(inverse_depth[:, None], (height, width), mode="bilinear", align_corners=False)[:, 0]
        return 1 / inverse_depth, inverse_depth


def _resized(images: Float[Tensor, "b h w 3"], size: tuple[int, int]) -> Float[Tensor, "b 3 H W"]:
    """Return exactly the result of `resize_rgb`: each axis in whole grey levels, the width first."""
    width, precision = resampling_matrix(images.shape[2], size[1])
    narrow = _in_levels(images.permute(0, 3, 1, 2) @ width.T, precision)
    height, precision = resampling_matrix(images.shape[1], size[0])
    return _in_levels(height @ narrow, precision)


def _in_levels(sums: Tensor, precision: Tensor) -> Tensor:
    return (sums / precision + 0.5).floor().clamp(0, 255)


def resampling_matrix(inputs: int | torch.SymInt, outputs: int) -> tuple[Float[Tensor, "outputs inputs"], Tensor]:
    """Return the matrix and divisor that resize one axis of an image by torch's Lanczos filter.

    The filter's window of three pixels widens as the image shrinks, and its weights are rounded so that the largest
    fits into 16 bits. A matrix means the same in every runtime: some resize operators have no antialiasing, or ignore
    it silently. Matrix products are also fast: OpenVINO's own operator takes as long as the network.
    """
    length: Any = inputs  # a symbol while the graph is traced
    # Distances of the centres as integers, times 2 * outputs: exact even if a runtime computes in bfloat16.
    places = (2 * torch.arange(length) + 1) * outputs
    centres = (2 * torch.arange(outputs) + 1) * length
    distance = (places - centres[:, None]).abs().float() / (2 * torch.sym_max(length, outputs))
    weights = torch.where(distance < 3, _sinc(distance) * _sinc(distance / 3), torch.zeros_like(distance))
    weights = weights / weights.sum(1, keepdim=True)
    precision = torch.exp2(torch.log2((2**15 - 0.5) / weights.max()).ceil() - 1).clamp(max=2.0**22)
    return (weights * precision + 0.5 * weights.sign()).trunc(), precision


def _sinc(x: Tensor) -> Tensor:
    angle = math.pi * x
    return torch.where(x == 0, torch.ones_like(x), angle.sin() / torch.where(x == 0, torch.ones_like(x), angle))
