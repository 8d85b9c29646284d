"""The pose networks: from a pair of frames in temporal order to six numbers (Godard et al. 2019, Table 12)."""

from collections.abc import Callable
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from egodepth.config import ModelConfig
from egodepth.networks.depth import depth_unit
from egodepth.networks.encoder import Encoder, Normalisation, NormalisedBackbone, Pretrained, stack_pair
from egodepth.networks.precision import in_full_precision

_OUTPUT_SCALE = 0.01
"""Keeps the first poses near the identity, where the loss converges."""

_COARSE = 10
"""Index of the first layer of PoseCNN that reads features of stride 32 or coarser."""

AxisAngleTranslation = tuple[Tensor, Tensor]


def _split(six: Float[Tensor, "b 6 h w"]) -> AxisAngleTranslation:
    mean = _OUTPUT_SCALE * six.mean((2, 3))
    return mean[:, :3], mean[:, 3:]


class PoseDecoder(nn.Module):
    """Predict six numbers from the reduced features of one pair or of two frames."""

    def __init__(self, channels: int, inputs: int = 1) -> None:
        super().__init__()
        self.squeeze = nn.Sequential(nn.Conv2d(channels, 256, 1), nn.ReLU(inplace=True))
        self.head = nn.Sequential(
            nn.Conv2d(256 * inputs, 256, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(256, 256, 3, padding=1),
            nn.ReLU(inplace=True),
        )
        self.six = nn.Conv2d(256, 6, 1)

    def forward(self, *features: Float[Tensor, "b c h w"]) -> AxisAngleTranslation:
        """Return axis-angle (radians) and translation, each `b 3`."""
        pair = torch.cat([self.squeeze(feature) for feature in features], 1)
        return _split(in_full_precision(self.six, self.head(pair)))


class SeparatePoseNet(nn.Module):
    """A separate encoder for the stacked pair: the best variant of the paper."""

    reads_features = False
    translation_times_inverse_depth = False

    def __init__(
        self,
        encoder: str = "resnet18",
        pretrained: Pretrained = False,
        normalisation: Normalisation = "backbone",
        encoder_type: Callable[..., NormalisedBackbone] = Encoder,
    ) -> None:
        super().__init__()
        self.encoder = encoder_type(encoder, pretrained, 2, normalisation)
        self.decoder = PoseDecoder(self.encoder.channels[-1])

    def forward(self, earlier: Float[Tensor, "b 3 h w"], later: Float[Tensor, "b 3 h w"]) -> AxisAngleTranslation:
        """Return the motion from the earlier to the later frame's axes."""
        return self.decoder(self.encoder(stack_pair(earlier, later))[-1])


class SharedPoseNet(nn.Module):
    """A decoder for the depth encoder's coarsest features of both frames."""

    reads_features = True
    translation_times_inverse_depth = False

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.decoder = PoseDecoder(channels, inputs=2)

    def forward(self, earlier: Float[Tensor, "b c h w"], later: Float[Tensor, "b c h w"]) -> AxisAngleTranslation:
        """Return the motion from the earlier to the later frame's axes; the inputs are features."""
        return self.decoder(earlier, later)


class PoseCnn(nn.Module):
    """Seven strided convolutions (Zhou et al. 2017).

    The caller multiplies the translation by the target's mean inverse depth (Wang et al. 2018).
    """

    reads_features = False
    translation_times_inverse_depth = True
    mean: Tensor
    spread: Tensor

    def __init__(self) -> None:
        super().__init__()
        # Stored with the weights, because published weights read images in [0, 1] without normalisation.
        self.register_buffer("mean", torch.tensor(0.45))
        self.register_buffer("spread", torch.tensor(0.225))
        layers: list[nn.Module] = []
        inputs = 6
        for outputs, kernel in ((16, 7), (32, 5), (64, 3), (128, 3), (256, 3), (256, 3), (256, 3)):
            layers += [nn.Conv2d(inputs, outputs, kernel, stride=2, padding=kernel // 2), nn.ReLU(inplace=True)]
            inputs = outputs
        # Separate, for full precision: oneDNN 3.x returns a wrong bfloat16 weight gradient for a 3x3 convolution of a
        # single pixel (torch 2.14). Images of 64 rows have features of that size.
        self.layers = nn.Sequential(*layers[:_COARSE])
        self.coarse = nn.Sequential(*layers[_COARSE:], nn.Conv2d(inputs, 6, 1))

    def forward(self, earlier: Float[Tensor, "b 3 h w"], later: Float[Tensor, "b 3 h w"]) -> AxisAngleTranslation:
        """Return the motion from the earlier to the later frame's axes."""
        fine = self.layers((stack_pair(earlier, later) - self.mean) / self.spread)
        return _split(in_full_precision(self.coarse, fine))


PoseNet = SeparatePoseNet | SharedPoseNet | PoseCnn


def translation_in_depth_units(
    pose_net: PoseNet,
    translation: Float[Tensor, "b 3"],
    depth: Float[Tensor, "b h w"] | None,
    network: ModelConfig,
    median: bool,
) -> Float[Tensor, "b 3"]:
    """Return a pose network's translation in the units of the depth that warps.

    Args:
        pose_net: the network that predicted the translation.
        translation: output of the network.
        depth: depth of the targets; only needed for `translation_times_inverse_depth`.
        network: configuration of the depth network.
        median: whether depth is divided by its median before it warps (adaptive depth-range scaling).
    """
    unit = depth_unit(network, median)
    if depth is not None and pose_net.translation_times_inverse_depth and not median:
        translation = translation * (unit / depth).mean((1, 2))[:, None]  # Wang et al. 2018
    return unit * translation


def build_pose_net(
    kind: Literal["separate", "shared", "posecnn"],
    encoder: str,
    pretrained: Pretrained,
    channels: int,
    normalisation: Normalisation = "backbone",
    encoder_type: Callable[..., NormalisedBackbone] = Encoder,
) -> PoseNet:
    """Return a pose network by its name.

    Args:
        kind: name of the network.
        encoder: backbone of the separate network.
        pretrained: initial weights of this backbone.
        channels: channels of the depth encoder's coarsest features, for the shared network.
        normalisation: normalisation of the backbone's input.
        encoder_type: encoder class of the separate network; the depth network has the same (`DepthNet.encoder_type`).
    """
    if kind == "separate":
        return SeparatePoseNet(encoder, pretrained, normalisation, encoder_type)
    return SharedPoseNet(channels) if kind == "shared" else PoseCnn()
