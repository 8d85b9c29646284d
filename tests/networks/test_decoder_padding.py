"""The decoder's convolutions are torch's, with less to do and to remember."""

import pytest
import torch
from torch import nn
from torch.nn.functional import interpolate

from egodepth.networks.decoder import JoiningConv3x3, ReflectedConv3x3


def test_it_equals_torchs_reflected_convolution_and_its_gradients() -> None:
    torch.manual_seed(0)
    ours = ReflectedConv3x3(3, 4)
    plain = nn.Conv2d(3, 4, 3, padding=1, padding_mode="reflect")
    plain.load_state_dict(ours.state_dict())
    x = torch.rand(2, 3, 5, 7, requires_grad=True)
    weight = torch.rand(2, 4, 5, 7)
    found, expected = ours(x), plain(x)
    torch.testing.assert_close(found, expected)
    for left, right in zip(
        torch.autograd.grad((found * weight).sum(), [x, *ours.parameters()]),
        torch.autograd.grad((expected * weight).sum(), [x, *plain.parameters()]),
        strict=True,
    ):
        torch.testing.assert_close(left, right)
    with torch.no_grad():
        torch.testing.assert_close(ours(x), expected)


@pytest.mark.parametrize("skip_channels", [0, 2])
def test_joining_equals_the_convolution_of_enlarged_and_joined_features_and_its_gradients(skip_channels: int) -> None:
    """In float64 to its rounding: the same products, taps that meet the same pixel added up before."""
    torch.manual_seed(0)
    ours = JoiningConv3x3(3 + skip_channels, 4).double()
    plain = nn.Conv2d(3 + skip_channels, 4, 3, padding=1, padding_mode="reflect").double()
    plain.load_state_dict(ours.state_dict())
    x = torch.rand(2, 3, 5, 7, dtype=torch.float64, requires_grad=True)
    skip = torch.rand(2, skip_channels, 10, 14, dtype=torch.float64, requires_grad=True) if skip_channels else None
    weight = torch.rand(2, 4, 10, 14, dtype=torch.float64)
    enlarged = interpolate(x, scale_factor=2.0, mode="nearest")
    found = ours(x, skip)
    expected = plain(enlarged if skip is None else torch.cat([enlarged, skip], 1))
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    inputs = [x] if skip is None else [x, skip]
    for left, right in zip(
        torch.autograd.grad((found * weight).sum(), [*inputs, *ours.parameters()]),
        torch.autograd.grad((expected * weight).sum(), [*inputs, *plain.parameters()]),
        strict=True,
    ):
        torch.testing.assert_close(left, right, rtol=1e-12, atol=1e-12)
    with torch.no_grad():
        torch.testing.assert_close(ours(x, skip), expected, rtol=1e-12, atol=1e-12)
