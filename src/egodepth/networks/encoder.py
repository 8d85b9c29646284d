"""The encoder: any timm backbone, its input normalised inside."""

import timm
import torch
from jaxtyping import Float
from torch import Tensor, nn

from egodepth.errors import InputError

_REDUCTIONS = [2, 4, 8, 16, 32]


class Encoder(nn.Module):
    """Features at strides 2, 4, 8, 16 and 32 of images in [0, 1]; `channels` says how many each has."""

    def __init__(self, name: str = "resnet18", pretrained: bool = False, images: int = 1) -> None:
        """Build the backbone.

        Args:
            name: a timm backbone, or a local timm checkpoint as `local-dir:FOLDER`.
            pretrained: start from timm's weights; timm repeats and divides the first convolution for several images.
            images: how many RGB images are stacked as input (2 for a pose pair).

        Raises:
            InputError: unknown backbone, one without the five strides, or weights that cannot be had.
        """
        super().__init__()
        try:
            self.backbone = timm.create_model(name, features_only=True, pretrained=pretrained, in_chans=3 * images)
        except (OSError, RuntimeError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            remedy = (
                "train with --model.no-pretrained, or give a local copy as local-dir:FOLDER"
                if pretrained
                else ("see timm.list_models() for the names")
            )
            raise InputError(f"encoder '{name}' cannot be built ({reason}); {remedy}") from error
        info = self.backbone.feature_info
        # Some backbones start at stride 4 or add a stride-1 stage: take the five that the decoder needs.
        reductions = info.reduction()
        if any(stride not in reductions for stride in _REDUCTIONS):
            raise InputError(f"encoder '{name}' has features at strides {reductions}, needs {_REDUCTIONS}")
        self._picked = [len(reductions) - 1 - reductions[::-1].index(stride) for stride in _REDUCTIONS]
        self.channels: list[int] = [info.channels()[i] for i in self._picked]

    def forward(self, image: Float[Tensor, "b c h w"]) -> list[Tensor]:
        """Features, finest first."""
        features = self.backbone((image - 0.45) / 0.225)
        return [features[i] for i in self._picked]


def stack_pair(earlier: Float[Tensor, "b 3 h w"], later: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 6 h w"]:
    """A pair of frames as a pose network reads it: in temporal order, always."""
    return torch.cat([earlier, later], 1)
