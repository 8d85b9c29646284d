"""The encoder: any timm backbone, its input normalised inside."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import timm
import torch
from jaxtyping import Float
from torch import Tensor, nn

from egodepth.foundation.errors import InputError

Normalisation = Literal["backbone", "monodepth2"]
Pretrained = bool | Mapping[str, Tensor]
"""Weights that a backbone starts from: random ones, those that timm finds by itself (True), or a whole classifier's, by
timm's names."""

_REDUCTIONS = [2, 4, 8, 16, 32]
_MONODEPTH2 = (0.45,) * 3, (0.225,) * 3
"""Mean and spread of each colour as the published weights want them (Godard et al. 2019), whatever the backbone."""


class NormalisedBackbone(nn.Module):
    """A backbone of timm whose input, images in [0, 1], is normalised inside.

    `architecture` is the name by which timm builds such a backbone anywhere. `mean` and `spread` of the input are kept
    with the weights; weights without them are from before they were, and mean Monodepth2's.
    """

    mean: Tensor
    spread: Tensor
    channels: list[int]
    """How many the features of each level have, finest first."""

    def __init__(self, name: str, backbone: nn.Module, images: int, normalisation: Normalisation) -> None:
        super().__init__()
        self.backbone = backbone
        origin: Any = backbone.pretrained_cfg
        self.architecture: str = origin["architecture"]
        mean, spread = _MONODEPTH2 if normalisation == "monodepth2" else (origin["mean"], origin["std"])
        if not len(mean) == len(spread) == 3:
            raise InputError(f"encoder '{name}' was not trained with images of three colours; choose another")
        self.register_buffer("mean", _by_channel(mean, images))
        self.register_buffer("spread", _by_channel(spread, images))
        self.register_load_state_dict_pre_hook(_fill_in_statistics)

    @property
    def normalisation(self) -> Normalisation:
        """By whose statistics the input is normalised."""
        old = [_by_channel(values, len(self.mean) // 3).to(self.mean) for values in _MONODEPTH2]
        return "monodepth2" if all(map(torch.equal, (self.mean, self.spread), old)) else "backbone"


class Encoder(NormalisedBackbone):
    """Features at strides 2, 4, 8, 16 and 32, by a backbone that halves its image step by step (ResNet, ...)."""

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
            pretrained: weights to start from; timm repeats and divides the first convolution for several images.
            images: how many RGB images are stacked as input (2 for a pose pair).
            normalisation: by the colours' mean and standard deviation that the backbone was trained with, as timm knows
                them, or by those of Monodepth2.

        Raises:
            InputError: unknown backbone, one without features at strides 4 to 32, or weights that cannot be had.
        """
        super().__init__(name, timm_backbone(name, pretrained, images, features_only=True), images, normalisation)
        info: Any = self.backbone.feature_info
        # Some backbones have several stages of a stride (the deepest is taken), some none of stride 2.
        deepest = {stride: stage for stage, stride in enumerate(info.reduction())}
        if any(stride not in deepest for stride in _REDUCTIONS[1:]):
            raise InputError(
                f"encoder '{name}' has features at strides {info.reduction()}, needs {_REDUCTIONS[1:]}; choose another "
                "(resnet18), or --model.network dpt for a vision transformer"
            )
        self._stages = [deepest.get(stride) for stride in _REDUCTIONS]
        self.channels = [0 if stage is None else info.channels()[stage] for stage in self._stages]

    def forward(self, image: Float[Tensor, "b c h w"]) -> list[Tensor]:
        """Features, finest first; of no channels at stride 2 where the backbone has none (ConvNeXt, ...)."""
        features = self.backbone((image - self.mean) / self.spread)
        nothing = image.new_empty(image.shape[0], 0, image.shape[2] // 2, image.shape[3] // 2)
        return [nothing if stage is None else features[stage] for stage in self._stages]


def timm_backbone(name: str, pretrained: Pretrained, images: int, **settings: Any) -> nn.Module:
    """Return a backbone of timm, built with its `settings`; arguments and errors as of `Encoder`."""
    # A copy, as timm takes out and changes what it does not load as it is.
    given: dict[str, Any] = {} if isinstance(pretrained, bool) else {"state_dict": dict(pretrained)}
    wanted = bool(pretrained)
    try:
        with _without_timms_warnings():
            backbone = timm.create_model(
                name, pretrained=wanted, in_chans=3 * images, pretrained_cfg_overlay=given, **settings
            )
    # timm's builders and loaders raise almost anything: OSError, RuntimeError, ValueError, SafetensorError, ...
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        remedy = (
            "train with --model.no-pretrained, or give a local copy as local-dir:FOLDER"
            if wanted
            else "see timm.list_models() for the names"
        )
        raise InputError(f"encoder '{name}' cannot be built ({reason}); {remedy}") from error
    origin: Any = backbone.pretrained_cfg
    origin.pop("state_dict", None)  # would be copied with the network
    return backbone


@contextmanager
def _without_timms_warnings() -> Iterator[None]:
    """Without the line that features need no classifier's weights."""
    logger = logging.getLogger("timm")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _by_channel(colours: Sequence[float], images: int) -> Float[Tensor, "c 1 1"]:
    return torch.tensor(colours).repeat(images)[:, None, None]


def _fill_in_statistics(encoder: nn.Module, tensors: dict[str, Any], prefix: str, *_: object) -> None:
    """Before loading: statistics of weights that are older than these."""
    images = len(encoder.get_buffer("mean")) // 3
    for name, values in zip(("mean", "spread"), _MONODEPTH2, strict=True):
        tensors.setdefault(prefix + name, _by_channel(values, images))


def stack_pair(earlier: Float[Tensor, "b 3 h w"], later: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 6 h w"]:
    """A pair of frames as a pose network reads it: in temporal order, always."""
    return torch.cat([earlier, later], 1)
