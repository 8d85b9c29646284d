"""The depth network: from one image to disparities at four scales."""

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
    """Return the depth of a sigmoid disparity; 1/depth is linear in it (Godard et al. 2019, section 3)."""
    return 1 / (1 / max_depth + (1 / min_depth - 1 / max_depth) * disparity)


def median_depth(depth: Float[Tensor, "b h w"]) -> Float[Tensor, "b 1 1"]:
    """Return the median of each sample, by which adaptive depth-range scaling divides the depth.

    It has a gradient, so the loss does not depend on the scale of a frame's depth, and this scale cannot drift between
    the depth network and the pose network. The gradient is that of the geometric mean, which is spread over all pixels.
    The gradient of a median would go through a single pixel.
    """
    flat = depth.flatten(1)
    mean = flat.log().mean(1)
    return (flat.detach().median(1).values * (mean - mean.detach()).exp())[:, None, None]


def depth_unit(network: ModelConfig, scaled_by_median: bool) -> float:
    """Return the unit of a pose network's translation: the untrained depth over that of the published setting.

    The pose networks' output scale of 0.01 suits the published setting, where the depth starts at about 0.2 (unit 1).
    In this unit it suits any range of depths, also metres, because the first translations are the same share of the
    depth. Depth that is scaled by its median has a median of 1.
    """
    published = disparity_to_depth(torch.tensor(0.5)).item()
    if scaled_by_median:
        return 1 / published
    first = disparity_to_depth(torch.tensor(network.initial_disparity), network.min_depth, network.max_depth)
    return first.item() / published


class DepthNet(nn.Module):
    """U-Net of an encoder and a disparity decoder (Godard et al. 2019, section 3).

    A subclass can replace the encoder and the decoder.
    """

    encoder_type: Callable[..., NormalisedBackbone] = Encoder
    """Has the arguments of `Encoder`."""
    decoder_type: Callable[..., nn.Module] = Decoder
    """Has the arguments of `Decoder`, and its `forward` those of `Decoder.forward`."""

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
        """Return disparities in (0, 1) from the encoder's features, each `b h/2^s w/2^s`, finest first."""
        return [disparity.squeeze(1) for disparity in self.decoder(features)]

    def forward(self, image: Float[Tensor, "b 3 h w"]) -> list[Tensor]:
        """Return disparities in (0, 1), each `b h/2^s w/2^s`, finest first, of images in [0, 1].

        h and w are multiples of 32.
        """
        return self.disparities(self.encoder(image))
