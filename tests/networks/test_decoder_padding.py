"""The reflected convolution is torch's, with less to remember."""

import torch
from torch import nn

from egodepth.networks.decoder import ReflectedConv3x3


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
