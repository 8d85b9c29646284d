"""The encoder: any timm backbone. It normalises its input itself."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import timm
import torch
from jaxtyping import Float
from torch import Tensor, nn

from egodepth.foundation.errors import InputError
from egodepth.foundation.logs import only_errors

Normalisation = Literal["backbone", "monodepth2"]
Pretrained = bool | Mapping[str, Tensor]
"""Initial weights of a backbone: random ones (False), those that timm downloads (True), or those of a classifier, by
timm's names."""

_REDUCTIONS = [2, 4, 8, 16, 32]
_MONODEPTH2 = (0.45,) * 3, (0.225,) * 3
"""Mean and standard deviation of each colour for the published weights (Godard et al. 2019), for every backbone."""


class NormalisedBackbone(nn.Module):
    """A timm backbone that reads images in [0, 1] and normalises them itself.

    `architecture` is the name by which timm builds this backbone on any machine. `mean` and `spread` (standard
    deviation) of the input are stored with the weights. Older weights have none, and use those of Monodepth2.
    """

    mean: Tensor
    spread: Tensor
    channels: list[int]
    """Channels of the features of each level, finest first."""

    def __init__(self, name: str, backbone: nn.Module, images: int, normalisation: Normalisation) -> None:
        super().__init__()
        self.backbone = backbone
        origin: Any = backbone.pretrained_cfg
        self.architecture: str = origin["architecture"]
        mean, spread = _MONODEPTH2 if normalisation == "monodepth2" else (origin["mean"], origin["std"])
        if not len(mean) == len(spread) == 3:
            raise InputError(f"encoder '{name}' was not trained with RGB images; choose another")
        self.register_buffer("mean", _by_channel(mean, images))
        self.register_buffer("spread", _by_channel(spread, images))
        self.register_load_state_dict_pre_hook(_fill_in_statistics)

    @property
    def normalisation(self) -> Normalisation:
        """Return whose statistics normalise the input."""
        old = [_by_channel(values, len(self.mean) // 3).to(self.mean) for values in _MONODEPTH2]
        return "monodepth2" if all(map(torch.equal, (self.mean, self.spread), old)) else "backbone"


class Encoder(NormalisedBackbone):
    """Features at strides 2, 4, 8, 16 and 32 of a hierarchical backbone (ResNet, ...)."""

    def __init__(
        self,
        name: str = "resnet18",
        pretrained: Pretrained = False,
        images: int = 1,
        normalisation: Normalisation = "backbone",
    ) -> None:
        """Build the backbone.

        Args:
            name: a timm backbone, or a local timm checkpoint as `local-dir:FOLDER`.
            pretrained: initial weights; for several images, timm repeats and divides the first convolution.
            images: how many RGB images are stacked as input (2 for a pose pair).
            normalisation: which mean and standard deviation of the colours to use: those of the backbone's training,
                as timm states them, or those of Monodepth2.

        Raises:
            InputError: an unknown backbone, a backbone without features at strides 4 to 32, or missing weights.
        """
        super().__init__(name, timm_backbone(name, pretrained, images, features_only=True), images, normalisation)
        info: Any = self.backbone.feature_info
        # Some backbones have several stages of the same stride (the deepest is used), some have none of stride 2.
        deepest = {stride: stage for stage, stride in enumerate(info.reduction())}
        if any(stride not in deepest for stride in _REDUCTIONS[1:]):
            raise InputError(
                f"encoder '{name}' has features at strides {info.reduction()}, but needs {_REDUCTIONS[1:]}; choose "
                "another (resnet18), or --model.network dpt for a vision transformer"
            )
        self._stages = [deepest.get(stride) for stride in _REDUCTIONS]
        self.channels = [0 if stage is None else info.channels()[stage] for stage in self._stages]

    def forward(self, image: Float[Tensor, "b c h w"]) -> list[Tensor]:
        """Return features, finest first; stride 2 has 0 channels if the backbone lacks it (ConvNeXt, ...)."""
        features = self.backbone((image - self.mean) / self.spread)
        nothing = image.new_empty(image.shape[0], 0, image.shape[2] // 2, image.shape[3] // 2)
        return [nothing if stage is None else features[stage] for stage in self._stages]


def timm_backbone(name: str, pretrained: Pretrained, images: int, **settings: Any) -> nn.Module:
    """Return a timm backbone, built with timm's `settings`; arguments and errors as in `Encoder`."""
    # A copy, because timm removes and changes some of the tensors.
    given: dict[str, Any] = {} if isinstance(pretrained, bool) else {"state_dict": dict(pretrained)}
    wanted = bool(pretrained)
    try:
        with only_errors("timm"):  # timm warns that a feature extractor does not use the classifier's weights
            backbone = timm.create_model(
                name, pretrained=wanted, in_chans=3 * images, pretrained_cfg_overlay=given, **settings
            )
    # timm raises many kinds of errors: OSError, RuntimeError, ValueError, SafetensorError, ...
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        remedy = (
            "train with --model.no-pretrained, or give a local copy as local-dir:FOLDER"
            if wanted
            else "see timm.list_models() for the names"
        )
        raise InputError(f"encoder '{name}' cannot be built ({reason}); {remedy}") from error
    origin: Any = backbone.pretrained_cfg
    origin.pop("state_dict", None)  # else every copy of the network would contain it
    return backbone


def _by_channel(colours: Sequence[float], images: int) -> Float[Tensor, "c 1 1"]:
    return torch.tensor(colours).repeat(images)[:, None, None]


def _fill_in_statistics(encoder: nn.Module, tensors: dict[str, Any], prefix: str, *_: object) -> None:
    """Add the statistics to older weights that have none, before they are loaded."""
    images = len(encoder.get_buffer("mean")) // 3
    for name, values in zip(("mean", "spread"), _MONODEPTH2, strict=True):
        tensors.setdefault(prefix + name, _by_channel(values, images))


def stack_pair(earlier: Float[Tensor, "b 3 h w"], later: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 6 h w"]:
    """Return the input of a pose network: a pair of frames, always in temporal order."""
    return torch.cat([earlier, later], 1)
