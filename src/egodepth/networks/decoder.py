"""The U-Net decoder of the depth network (Godard et al. 2019, supplement, Table 5)."""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad

from egodepth.networks.precision import in_full_precision

_STAGE_CHANNELS = (16, 32, 64, 128, 256)
SCALES = 4
"""Outputs at 1/1, 1/2, 1/4 and 1/8 of the input size."""


class _ReflectionPad(torch.autograd.Function):
    """One pixel on every side. Torch's own keeps its input for the gradient: a tenth of a step's memory for nothing."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return pad(x, (1, 1, 1, 1), mode="reflect")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> Tensor:
        g = grad_outputs[0]
        rows = g[:, :, 1:-1].clone()
        rows[:, :, 1] += g[:, :, 0]
        rows[:, :, -2] += g[:, :, -1]
        inner = rows[..., 1:-1]
        inner[..., 1] += rows[..., 0]
        inner[..., -2] += rows[..., -1]
        return inner


class ReflectedConv3x3(nn.Conv2d):
    """A convolution whose border is reflected."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 3)

    def forward(self, input: Tensor) -> Tensor:
        """Features of the same size."""
        padded = _ReflectionPad.apply(input) if torch.is_grad_enabled() else pad(input, (1, 1, 1, 1), mode="reflect")
        return super().forward(padded)


class _Stage(nn.Module):
    """Halve the stride: convolve, upsample, join the encoder's feature of that stride, convolve."""

    def __init__(self, inputs: int, outputs: int, skip: int) -> None:
        super().__init__()
        self.before = nn.Sequential(ReflectedConv3x3(inputs, outputs), nn.ELU(inplace=True))
        self.after = nn.Sequential(ReflectedConv3x3(outputs + skip, outputs), nn.ELU(inplace=True))

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
        self.heads = nn.ModuleList(ReflectedConv3x3(c, outputs) for c in _STAGE_CHANNELS[:SCALES])
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
