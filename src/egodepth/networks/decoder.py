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
    """Pad one pixel on every side. Torch's padding stores its input for the gradient: a tenth of a step's memory."""

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
    """A 3x3 convolution with reflection padding."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 3)

    def forward(self, input: Tensor) -> Tensor:
        """Return features of the same size."""
        return super().forward(_padded(input, "reflect"))


class JoiningConv3x3(ReflectedConv3x3):
    """Upsample features by 2 (nearest), concatenate a skip connection and convolve, without the intermediate tensors.

    On upsampled features, the nine taps of the kernel cover only 2x2 pixels of the small features. Which ones depends
    on whether row and column are even. This is a transposed convolution of stride 2 with 4x4 taps, and needs four
    ninths of the arithmetic. Reflection padding of the large features equals replication padding of the small ones.
    """

    def forward(self, input: Tensor, skip: Tensor | None = None) -> Tensor:
        """Return features of twice the input's size."""
        kernel = _four_taps(_four_taps(self.weight[:, : input.shape[1]], 2), 3).transpose(0, 1)
        # Three, not one: this also removes the border that the padding added.
        enlarged = conv_transpose2d(_padded(input, "replicate"), kernel, self.bias, stride=2, padding=3)
        if skip is None or not skip.shape[1]:  # some backbones have no feature at stride 2
            return enlarged
        return enlarged + conv2d(_padded(skip, "reflect"), self.weight[:, input.shape[1] :])


def _four_taps(weight: Tensor, dim: int) -> Tensor:
    """Convert three taps along a dimension to the four of the transposed convolution.

    A tap of it is the sum of the one or two taps that fall on the same small pixel.
    """
    first, second, third = weight.unbind(dim)
    return torch.stack([third, second + third, first + second, first], dim)


class _Stage(nn.Module):
    """Halve the stride: convolve, upsample, concatenate the encoder's features of that stride, convolve."""

    def __init__(self, inputs: int, outputs: int, skip: int) -> None:
        super().__init__()
        self.before = nn.Sequential(ReflectedConv3x3(inputs, outputs), nn.ELU(inplace=True))
        self.after = nn.Sequential(JoiningConv3x3(outputs + skip, outputs), nn.ELU(inplace=True))

    def forward(self, x: Tensor, skip: Tensor | None) -> Tensor:
        joining, activation = self.after
        return activation(joining(self.before(x), skip))


class Decoder(nn.Module):
    """Predict sigmoid maps at each of the four finest scales from the encoder's features."""

    def __init__(self, encoder_channels: list[int], outputs: int = 1, initial: float = 0.5) -> None:
        """Build the decoder with random weights.

        Args:
            encoder_channels: channels of the encoder's features, finest first.
            outputs: channels of each map.
            initial: approximate value of the untrained maps, in (0, 1).
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
        """Return maps in (0, 1), each `b outputs h/2^s w/2^s`, finest first."""
        x, maps = features[-1], []
        for level in reversed(range(len(self.stages))):
            x = self.stages[level](x, features[level - 1] if level > 0 else None)
            if level < SCALES:
                # bfloat16 distinguishes only 128 disparities between 1/2 and 1.
                maps.insert(0, torch.sigmoid(in_full_precision(self.heads[level], x)))
        return maps
