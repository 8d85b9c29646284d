"""The depth network: one image in, disparities at four scales out."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from egodepth.config import ModelConfig
from egodepth.networks.decoder import Decoder
from egodepth.networks.encoder import Encoder, Normalisation, NormalisedBackbone, Pretrained


def disparity_to_depth(
    disparity: Float[Tensor, "*shape"], min_depth: float = 0.1, max_depth: float = 100.0
) -> Float[Tensor, "*shape"]:
    """Depth between the two limits from the network's sigmoid (Godard et al. 2019, section 3): linear in 1/depth."""
    return 1 / (1 / max_depth + (1 / min_depth - 1 / max_depth) * disparity)


def median_depth(depth: Float[Tensor, "b h w"]) -> Float[Tensor, "b 1 1"]:
    """Median of each sample, which adaptive depth-range scaling divides depth by.

    A gradient passes through it, so that the loss is blind to the scale of a frame's depth: nothing is left between
    depth network and pose network that could drift. It is the gradient of the geometric mean, spread over all pixels:
    the median's own would go through a single pixel.
    """
    flat = depth.flatten(1)
    mean = flat.log().mean(1)
    return (flat.detach().median(1).values * (mean - mean.detach()).exp())[:, None, None]


def depth_unit(network: ModelConfig, scaled_by_median: bool) -> float:
    """The untrained depth over that of the published setting (1 there): what a pose network's 1 stands for.

    The pose networks' output scale of 0.01 suits depths that start at 0.2, as published. In this unit it suits any
    range of depths, metres too: the first translations are as large a part of the depth. Depth scaled by its median
    is 1 in the middle.
    """
    published = disparity_to_depth(torch.tensor(0.5)).item()
    if scaled_by_median:
        return 1 / published
    first = disparity_to_depth(torch.tensor(network.initial_disparity), network.min_depth, network.max_depth)
    return first.item() / published


class DepthNet(nn.Module):
    """U-Net of an encoder and a disparity decoder (Godard et al. 2019, section 3).

    A network of other parts is a subclass that names them.
    """

    encoder_type: Callable[..., NormalisedBackbone] = Encoder
    """Called as `Encoder` is."""
    decoder_type: Callable[..., nn.Module] = Decoder
    """Called, and its result called, as `Decoder` is."""

    def __init__(
        self,
        encoder: str = "resnet18",
        pretrained: Pretrained = False,
        initial_disparity: float = 0.5,
        normalisation: Normalisation = "backbone",
    ) -> None:
        super().__init__()
        self.encoder = self.encoder_type(encoder, pretrained, normalisation=normalisation)
        self.decoder = self.decoder_type(self.encoder.channels, initial=initial_disparity)

    def disparities(self, features: list[Tensor]) -> list[Tensor]:
        """Disparities in (0, 1) from the encoder's features, each `b h/2^s w/2^s`, finest first."""
        return [disparity.squeeze(1) for disparity in self.decoder(features)]

    def forward(self, image: Float[Tensor, "b 3 h w"]) -> list[Tensor]:
        """Disparities in (0, 1) of images in [0, 1], each `b h/2^s w/2^s`, finest first; h and w multiples of 32."""
        return self.disparities(self.encoder(image))
