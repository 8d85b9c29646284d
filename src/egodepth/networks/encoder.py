"""The encoder: any timm backbone, its input normalised inside."""

from typing import Any

import timm
import torch
from jaxtyping import Float
from torch import Tensor, nn

from egodepth.errors import InputError

_REDUCTIONS = [2, 4, 8, 16, 32]


class Encoder(nn.Module):
    """Features at strides 2, 4, 8, 16 and 32 of images in [0, 1].

    `channels` says how many each has, `architecture` by what name timm builds such a backbone anywhere.
    """

    def __init__(self, name: str = "resnet18", pretrained: bool = False, images: int = 1) -> None:
        """Build the backbone.

        Args:
            name: a timm backbone, or a local timm checkpoint as `local-dir:FOLDER`.
            pretrained: start from timm's weights; timm repeats and divides the first convolution for several images.
            images: how many RGB images are stacked as input (2 for a pose pair).

        Raises:
            InputError: unknown backbone, one without features at strides 4 to 32, or weights that cannot be had.
        """
        super().__init__()
        try:
            self.backbone = timm.create_model(name, features_only=True, pretrained=pretrained, in_chans=3 * images)
        # timm's builders and loaders raise almost anything: OSError, RuntimeError, ValueError, SafetensorError, ...
        except Exception as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            remedy = (
                "train with --model.no-pretrained, or give a local copy as local-dir:FOLDER"
                if pretrained
                else ("see timm.list_models() for the names")
            )
            raise InputError(f"encoder '{name}' cannot be built ({reason}); {remedy}") from error
        origin: Any = self.backbone.pretrained_cfg
        self.architecture: str = origin["architecture"]
        info: Any = self.backbone.feature_info
        # Some backbones have several stages of a stride (the deepest is taken), some none of stride 2.
        deepest = {stride: stage for stage, stride in enumerate(info.reduction())}
        if any(stride not in deepest for stride in _REDUCTIONS[1:]):
            raise InputError(
                f"encoder '{name}' has features at strides {info.reduction()}, needs {_REDUCTIONS[1:]}; "
                "choose another, such as resnet18"
            )
        self._stages = [deepest.get(stride) for stride in _REDUCTIONS]
        self.channels: list[int] = [0 if stage is None else info.channels()[stage] for stage in self._stages]

    def forward(self, image: Float[Tensor, "b c h w"]) -> list[Tensor]:
        """Features, finest first; of no channels at stride 2 where the backbone has none (ConvNeXt, ...)."""
        features = self.backbone((image - 0.45) / 0.225)
        nothing = image.new_empty(image.shape[0], 0, image.shape[2] // 2, image.shape[3] // 2)
        return [nothing if stage is None else features[stage] for stage in self._stages]


def stack_pair(earlier: Float[Tensor, "b 3 h w"], later: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 6 h w"]:
    """A pair of frames as a pose network reads it: in temporal order, always."""
    return torch.cat([earlier, later], 1)
