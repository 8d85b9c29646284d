"""The graph that is exported: 8-bit images of any size in, depth at their own size out."""

from typing import Any

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn.functional import interpolate

from egodepth.networks import disparity_to_depth
from egodepth.weights import DepthModel


class DepthGraph(nn.Module):
    """Resizing, normalisation, network, disparity to depth, resizing back: what a predictor does, as one graph.

    The images come as a camera or a decoder hands them over. Batch, height and width are dynamic.
    """

    def __init__(self, model: DepthModel, size: tuple[int, int] | None = None) -> None:
        """Wrap a model's depth network; `size` is the height and width at which it runs, if not its own."""
        super().__init__()
        self.depth_net = model.depth_net
        self.size = size or model.card.size
        self.limits = (model.card.network.min_depth, model.card.network.max_depth)
        self.eval()

    def forward(self, images: UInt8[Tensor, "b h w 3"]) -> tuple[Float[Tensor, "b h w"], Float[Tensor, "b h w"]]:
        """Depth along the optical axis (metres where the model is metric) and inverse depth of RGB images."""
        batch, height, width, _ = images.shape
        # Rows first: they are one matrix product without any turning of the image, which is three times as wide.
        rows = resampling_matrix(height, self.size[0]) @ images.float().reshape(batch, height, width * 3)
        planes = rows.reshape(batch, self.size[0], width, 3).permute(0, 3, 1, 2)
        resized = planes @ resampling_matrix(width, self.size[1]).T
        disparity = self.depth_net((resized / 255).clamp(0, 1))[0]
        inverse_depth = 1 / disparity_to_depth(disparity, *self.limits)
        inverse_depth = interpolate(inverse_depth[:, None], (height, width), mode="bilinear", align_corners=False)[:, 0]
        return 1 / inverse_depth, inverse_depth


def resampling_matrix(inputs: int | torch.SymInt, outputs: int) -> Float[Tensor, "outputs inputs"]:
    """What an axis of an image is multiplied with to be resized: bicubic, with antialiasing where it shrinks.

    The same as torch's own to 1e-4, the rounding of its positions: Keys' kernel of a = -1/2, widened as the image
    shrinks; its weights inside the image sum to 1. As a matrix it means the same to every runtime: of resizing
    operators some have no antialiasing, and some leave it out without a word. And matrix products are fast: OpenVINO's
    own operator takes as long as the network.
    """
    length: Any = inputs  # a symbol while the graph is traced
    # Distances of the centres in integers, times 2 * outputs: exact even where a runtime computes in bfloat16.
    places = (2 * torch.arange(length) + 1) * outputs
    centres = (2 * torch.arange(outputs) + 1) * length
    distance = (places - centres[:, None]).abs().float() / (2 * torch.sym_max(length, outputs))
    near = (1.5 * distance - 2.5) * distance**2 + 1
    far = ((2.5 - 0.5 * distance) * distance - 4) * distance + 2
    weights = torch.where(distance < 1, near, torch.where(distance < 2, far, torch.zeros_like(distance)))
    return weights / weights.sum(1, keepdim=True)
