"""The U-Net decoder of the depth network (Godard et al. 2019, supplement, Table 5)."""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, pad

from egodepth.networks.precision import in_full_precision

_STAGE_CHANNELS = (16, 32, 64, 128, 256)
SCALES = 4
"""Outputs at 1/1, 1/2, 1/4 and 1/8 of the input size."""


class _Pad(torch.autograd.Function):
    """One pixel on every side. Torch's own keeps its input for the gradient: a tenth of a step's memory for nothing."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, mode: str) -> Tensor:
        ctx.copied = ("replicate", "reflect").index(mode)
        return pad(x, (1, 1, 1, 1), mode=mode)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None]:
        g, near = grad_outputs[0], ctx.copied
        rows = g[:, :, 1:-1].clone()
        rows[:, :, near] += g[:, :, 0]
        rows[:, :, -1 - near] += g[:, :, -1]
        inner = rows[..., 1:-1]
        inner[..., near] += rows[..., 0]
        inner[..., -1 - near] += rows[..., -1]
        return inner, None


def _padded(x: Tensor, mode: str) -> Tensor:
    return _Pad.apply(x, mode) if torch.is_grad_enabled() else pad(x, (1, 1, 1, 1), mode=mode)


class ReflectedConv3x3(nn.Conv2d):
    """A convolution whose border is reflected."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 3)

    def forward(self, input: Tensor) -> Tensor:
        """Features of the same size."""
        return super().forward(_padded(input, "reflect"))


class JoiningConv3x3(ReflectedConv3x3):
    """The convolution of features enlarged twice (nearest) and joined by a skip connection; neither is ever made.

    On enlarged features the nine taps fall on 2x2 pixels of the small ones, which ones depends on whether row and
    column are even: that is a transposed convolution of stride 2 and 4x4 taps, with four ninths of the arithmetic. The
    reflected border of the large features is the repeated one of the small ones.
    """

    def forward(self, input: Tensor, skip: Tensor | None = None) -> Tensor:
        """Features of twice the input's size."""
        kernel = _four_taps(_four_taps(self.weight[:, : input.shape[1]], 2), 3).transpose(0, 1)
        # Three, not one: the border that was put around is cut off again.
        enlarged = conv_transpose2d(_padded(input, "replicate"), kernel, self.bias, stride=2, padding=3)
        if skip is None or not skip.shape[1]:  # some backbones have no feature at stride 2
            return enlarged
        return enlarged + conv2d(_padded(skip, "reflect"), self.weight[:, input.shape[1] :])


def _four_taps(weight: Tensor, dim: int) -> Tensor:
    """Of three taps along a dimension, those of the transposed convolution: each small pixel is met once or twice."""
    first, second, third = weight.unbind(dim)
    return torch.stack([third, second + third, first + second, first], dim)


class _Stage(nn.Module):
    """Halve the stride: convolve, upsample, join the encoder's feature of that stride, convolve."""

    def __init__(self, inputs: int, outputs: int, skip: int) -> None:
        super().__init__()
        self.before = nn.Sequential(ReflectedConv3x3(inputs, outputs), nn.ELU(inplace=True))
        self.after = nn.Sequential(JoiningConv3x3(outputs + skip, outputs), nn.ELU(inplace=True))

    def forward(self, x: Tensor, skip: Tensor | None) -> Tensor:
        joining, activation = self.after
        return activation(joining(self.before(x), skip))


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
