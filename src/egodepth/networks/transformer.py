"""A depth network whose encoder is a vision transformer: DPT (Ranftl et al., ICCV 2021)."""

import math
from typing import Any

import timm
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import interpolate

from egodepth.foundation.errors import InputError
from egodepth.networks.depth import DepthNet
from egodepth.networks.encoder import Normalisation, NormalisedBackbone, Pretrained, timm_backbone
from egodepth.networks.precision import in_full_precision

_STRIDE = 16
"""Side of the image region that one token describes, pixels."""
_LEVELS = 4


class TransformerEncoder(NormalisedBackbone):
    """Tokens of four blocks of a vision transformer (ViT, DINOv2, DINOv3, ...) as maps of stride 16."""

    def __init__(
        self,
        name: str = "vit_small_patch14_dinov2",
        pretrained: Pretrained = False,
        images: int = 1,
        normalisation: Normalisation = "backbone",
    ) -> None:
        """Build the backbone; arguments as in `Encoder`.

        Raises:
            InputError: an unknown backbone, a backbone that is no vision transformer, or missing weights.
        """
        _require_transformer(name)
        settings = {"num_classes": 0, "dynamic_img_size": True}
        super().__init__(name, timm_backbone(name, pretrained, images, **settings), images, normalisation)
        backbone: Any = self.backbone
        depth, self._patch = len(backbone.blocks), backbone.patch_embed.patch_size[0]
        self._blocks = [(level + 1) * depth // _LEVELS - 1 for level in range(_LEVELS)]
        self.channels = [backbone.embed_dim] * _LEVELS
        backbone.prune_intermediate_layers(self._blocks, prune_head=True)  # pooling heads would never learn

    def forward(self, image: Float[Tensor, "b c h w"]) -> list[Tensor]:
        """Return maps `b c h/16 w/16`, earliest block first; h and w are multiples of 16.

        If the backbone's patches are not 16x16, the image is resized so that each patch covers 16x16 original pixels.
        """
        if self._patch != _STRIDE:
            size = [side // _STRIDE * self._patch for side in image.shape[-2:]]
            image = interpolate(image, size, mode="bilinear", align_corners=False)
        backbone: Any = self.backbone
        image = (image - self.mean) / self.spread
        return backbone.forward_intermediates(image, indices=self._blocks, norm=True, intermediates_only=True)


def _require_transformer(name: str) -> None:
    """Refuse a backbone whose tokens cannot be taken from its blocks; timm refuses unknown names later."""
    try:
        with torch.device("meta"):
            backbone: Any = timm.create_model(name, num_classes=0)
    except Exception:  # timm's builders raise almost anything
        return
    parts = ("blocks", "patch_embed", "forward_intermediates", "prune_intermediate_layers")
    if not all(hasattr(backbone, part) for part in parts) or isinstance(backbone.blocks[0], nn.Sequential):
        raise InputError(f"encoder '{name}' is no vision transformer; use --model.network unet")


class _Residual(nn.Module):
    """A residual unit: two convolutions, added to the input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first, self.second = (nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(self.first(x.relu()).relu())


class _Fusion(nn.Module):
    """Add the features of a stride, refine them, and halve the stride (DPT, section 3)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.joined, self.refined = _Residual(channels), _Residual(channels)
        self.out = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor | None, skip: Tensor) -> Tensor:
        skip = self.joined(skip)
        return self.out(_enlarged(self.refined(skip if x is None else x + skip)))


class DptDecoder(nn.Module):
    """Predict sigmoid maps at each of the four finest scales from maps of stride 16."""

    def __init__(self, encoder_channels: list[int], outputs: int = 1, initial: float = 0.5) -> None:
        """Build the decoder with random weights; arguments as in `Decoder`."""
        super().__init__()
        tokens = encoder_channels[0]
        width = max(16, tokens // 6)  # 64 for ViT-S, 128 for ViT-B
        self.reassembled = nn.ModuleList(
            nn.Sequential(nn.Conv2d(tokens, width, 1), change)
            for change in (
                nn.ConvTranspose2d(width, width, 4, stride=4),
                nn.ConvTranspose2d(width, width, 2, stride=2),
                nn.Identity(),
                nn.Conv2d(width, width, 3, stride=2, padding=1),
            )
        )
        self.fusions = nn.ModuleList(_Fusion(width) for _ in range(_LEVELS))
        self.heads = nn.ModuleList(
            nn.Sequential(nn.Conv2d(width, width // 2, 3, padding=1), nn.ReLU(inplace=True)) for _ in range(_LEVELS)
        )
        self.last = nn.ModuleList(nn.Conv2d(width // 2, outputs, 1) for _ in range(_LEVELS))
        for layer in self.last:
            nn.init.constant_(layer.bias, math.log(initial / (1 - initial)))  # pyright: ignore[reportArgumentType]

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        """Return maps in (0, 1), each `b outputs h/2^s w/2^s`, finest first."""
        x, fused = None, []
        for level in reversed(range(_LEVELS)):
            x = self.fusions[level](x, self.reassembled[level](features[level]))
            fused.append(x)
        # `fused` has strides 16, 8, 4 and 2; the heads read strides 1 (upsampled), 2, 4 and 8.
        inputs = [_enlarged(fused[-1]), *fused[:0:-1]]
        pairs = zip(inputs, self.heads, self.last, strict=True)
        return [torch.sigmoid(in_full_precision(last, head(x))) for x, head, last in pairs]


class DptNet(DepthNet):
    """A timm vision transformer with the decoder of DPT."""

    encoder_type = TransformerEncoder
    decoder_type = DptDecoder


def _enlarged(x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c H W"]:
    return interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
