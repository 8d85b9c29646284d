"""The decoder's convolutions in torch's standard layers: upsample, concatenate, then convolve."""

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from egodepth.networks.decoder import JoiningConv3x3, ReflectedConv3x3


def as_commonly_written(network: nn.Module) -> None:
    """Replace our convolutions by torch's with reflection padding, in place. The values are the same.

    It serves for comparison and for other runtimes: OpenVINO and ONNX Runtime are slower with transposed convolutions,
    in int8 twice as slow.
    """
    for name, child in network.named_children():
        if isinstance(child, ReflectedConv3x3):
            plain = _EnlargedAndJoined if isinstance(child, JoiningConv3x3) else nn.Conv2d
            conv = plain(child.in_channels, child.out_channels, 3, padding=1, padding_mode="reflect")
            conv.load_state_dict(child.state_dict())
            setattr(network, name, conv)
        else:
            as_commonly_written(child)


class _EnlargedAndJoined(nn.Conv2d):
    def forward(self, input: Tensor, skip: Tensor | None = None) -> Tensor:
        enlarged = interpolate(input, scale_factor=2.0, mode="nearest")
        return super().forward(enlarged if skip is None else torch.cat([enlarged, skip], 1))
