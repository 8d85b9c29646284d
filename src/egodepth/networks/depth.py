"""The depth network: one image in, disparities at four scales out."""

from jaxtyping import Float
from torch import Tensor, nn

from egodepth.networks.decoder import Decoder
from egodepth.networks.encoder import Encoder


def disparity_to_depth(
    disparity: Float[Tensor, "*shape"], min_depth: float = 0.1, max_depth: float = 100.0
) -> Float[Tensor, "*shape"]:
    """Depth between the two limits from the network's sigmoid (Godard et al. 2019, section 3): linear in 1/depth."""
    return 1 / (1 / max_depth + (1 / min_depth - 1 / max_depth) * disparity)


class DepthNet(nn.Module):
    """U-Net of an encoder and a disparity decoder (Godard et al. 2019, section 3)."""

    def __init__(self, encoder: str = "resnet18", pretrained: bool = False, initial_disparity: float = 0.5) -> None:
        super().__init__()
        self.encoder = Encoder(encoder, pretrained)
        self.decoder = Decoder(self.encoder.channels, initial=initial_disparity)

    def disparities(self, features: list[Tensor]) -> list[Tensor]:
        """Disparities in (0, 1) from the encoder's features, each `b h/2^s w/2^s`, finest first."""
        return [disparity.squeeze(1) for disparity in self.decoder(features)]

    def forward(self, image: Float[Tensor, "b 3 h w"]) -> list[Tensor]:
        """Disparities in (0, 1) of images in [0, 1], each `b h/2^s w/2^s`, finest first; h and w multiples of 32."""
        return self.disparities(self.encoder(image))
