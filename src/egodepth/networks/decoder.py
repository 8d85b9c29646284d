"""The U-Net decoder of the depth network (Godard et al. 2019, supplement, Table 5)."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from egodepth.networks.precision import in_full_precision

_STAGE_CHANNELS = (16, 32, 64, 128, 256)
SCALES = 4
"""Outputs at 1/1, 1/2, 1/4 and 1/8 of the input size."""


def _conv3x3(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1, padding_mode="reflect")


class _Stage(nn.Module):
    """Halve the stride: convolve, upsample, join the encoder's feature of that stride, convolve."""

    def __init__(self, inputs: int, outputs: int, skip: int) -> None:
        super().__init__()
        self.before = nn.Sequential(_conv3x3(inputs, outputs), nn.ELU(inplace=True))
        self.after = nn.Sequential(_conv3x3(outputs + skip, outputs), nn.ELU(inplace=True))

    def forward(self, x: Tensor, skip: Tensor | None) -> Tensor:
        x = interpolate(self.before(x), scale_factor=2.0, mode="nearest")
        return self.after(x if skip is None else torch.cat([x, skip], 1))


class Decoder(nn.Module):
    """From the encoder's features to a sigmoid map a channel at each of the four finest scales."""

    def __init__(self, encoder_channels: list[int], outputs: int = 1, initial: float = 0.5) -> None:
        """Build it with random weights.

        Args:
            encoder_channels: of the features, finest first.
            outputs: channels of each map.
            initial: about what the untrained maps are, in (0, 1).
        """
        super().__init__()
        inputs = [*_STAGE_CHANNELS[1:], encoder_channels[-1]]
        skips = [0, *encoder_channels[:-1]]
        self.stages = nn.ModuleList(_Stage(*c) for c in zip(inputs, _STAGE_CHANNELS, skips, strict=True))
        self.heads = nn.ModuleList(_conv3x3(c, outputs) for c in _STAGE_CHANNELS[:SCALES])
        if initial != 0.5:
            for head in self.heads:
                nn.init.constant_(head.bias, math.log(initial / (1 - initial)))  # pyright: ignore[reportArgumentType]

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        """Maps in (0, 1), each `b outputs h/2^s w/2^s`, finest first."""
        x, maps = features[-1], []
        for level in reversed(range(len(self.stages))):
            x = self.stages[level](x, features[level - 1] if level > 0 else None)
            if level < SCALES:
                # bfloat16 tells apart only 256 disparities in each octave.
                maps.insert(0, torch.sigmoid(in_full_precision(self.heads[level], x)))
        return maps
