"""The pose networks: a pair of frames in temporal order in, six numbers out (Godard et al. 2019, Table 12)."""

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
"""Keeps the first poses near the identity, where the loss has its basin."""

_COARSE = 10
"""The layers of PoseCNN from here on read features of stride 32 and coarser."""

AxisAngleTranslation = tuple[Tensor, Tensor]


def _split(six: Float[Tensor, "b 6 h w"]) -> AxisAngleTranslation:
    mean = _OUTPUT_SCALE * six.mean((2, 3))
    return mean[:, :3], mean[:, 3:]


class PoseDecoder(nn.Module):
    """Squeezed features of one or two encoders to six numbers."""

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
        """Axis-angle (radians) and translation, each `b 3`."""
        pair = torch.cat([self.squeeze(feature) for feature in features], 1)
        return _split(in_full_precision(self.six, self.head(pair)))


class SeparatePoseNet(nn.Module):
    """An encoder of its own on the stacked pair: the paper's best."""

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
        """Motion from the earlier to the later frame's axes."""
        return self.decoder(self.encoder(stack_pair(earlier, later))[-1])


class SharedPoseNet(nn.Module):
    """Reads the depth encoder's coarsest features of both frames."""

    reads_features = True
    translation_times_inverse_depth = False

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.decoder = PoseDecoder(channels, inputs=2)

    def forward(self, earlier: Float[Tensor, "b c h w"], later: Float[Tensor, "b c h w"]) -> AxisAngleTranslation:
        """Motion from the earlier to the later frame's axes, of features."""
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
        # Kept with the weights: published ones read images in [0, 1] as they are.
        self.register_buffer("mean", torch.tensor(0.45))
        self.register_buffer("spread", torch.tensor(0.225))
        layers: list[nn.Module] = []
        inputs = 6
        for outputs, kernel in ((16, 7), (32, 5), (64, 3), (128, 3), (256, 3), (256, 3), (256, 3)):
            layers += [nn.Conv2d(inputs, outputs, kernel, stride=2, padding=kernel // 2), nn.ReLU(inplace=True)]
            inputs = outputs
        # Apart, for full precision: oneDNN 3.x leaves rubbish in the bfloat16 weight gradient of a 3x3 convolution of a
        # single pixel (torch 2.14), which images of 64 rows come down to.
        self.layers = nn.Sequential(*layers[:_COARSE])
        self.coarse = nn.Sequential(*layers[_COARSE:], nn.Conv2d(inputs, 6, 1))

    def forward(self, earlier: Float[Tensor, "b 3 h w"], later: Float[Tensor, "b 3 h w"]) -> AxisAngleTranslation:
        """Motion from the earlier to the later frame's axes."""
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
    """A pose network's translation in the units of the depth that warps.

    Args:
        pose_net: where the translation comes from.
        translation: as the network gives it.
        depth: of the targets; only needed for `translation_times_inverse_depth`.
        network: whose depth it is.
        median: depth is divided by its median before it warps (adaptive depth-range scaling); so is the translation.
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
    """Return the pose network of a name.

    Args:
        kind: which of the three.
        encoder: backbone of the separate network.
        pretrained: weights that this backbone starts from.
        channels: of the depth encoder's coarsest feature, for the shared network.
        normalisation: of that backbone's input.
        encoder_type: of the separate network, as of the depth network (`DepthNet.encoder_type`).
    """
    if kind == "separate":
        return SeparatePoseNet(encoder, pretrained, normalisation, encoder_type)
    return SharedPoseNet(channels) if kind == "shared" else PoseCnn()
