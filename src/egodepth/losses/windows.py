"""Means over 3x3 windows, the one filter of SSIM: two passes of additions, and their exact adjoint."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad


def _inner_sum(x: Tensor, dim: int) -> Tensor:
    """Sum of each element and the neighbours along `dim` that exist: its own adjoint."""
    n = x.shape[dim]
    total = x.clone()
    total.narrow(dim, 0, n - 1).add_(x.narrow(dim, 1, n - 1))
    total.narrow(dim, 1, n - 1).add_(x.narrow(dim, 0, n - 1))
    return total


def _triple_sum(x: Tensor, dim: int) -> Tensor:
    """Sum of each element and its two neighbours along `dim`, the border reflected (its inner neighbour twice)."""
    if torch.compiler.is_compiling():
        return _shifted_sum(x, dim, twice_before=x.shape[dim] - 1, twice_after=0)
    n, total = x.shape[dim], _inner_sum(x, dim)
    total.narrow(dim, 0, 1).add_(x.narrow(dim, 1, 1))
    total.narrow(dim, n - 1, 1).add_(x.narrow(dim, n - 2, 1))
    return total


def _triple_sum_adjoint(g: Tensor, dim: int) -> Tensor:
    if torch.compiler.is_compiling():
        return _shifted_sum(g, dim, twice_before=1, twice_after=g.shape[dim] - 2)
    n, total = g.shape[dim], _inner_sum(g, dim)
    total.narrow(dim, 1, 1).add_(g.narrow(dim, 0, 1))
    total.narrow(dim, n - 2, 1).add_(g.narrow(dim, n - 1, 1))
    return total


def _shifted_sum(x: Tensor, dim: int, twice_before: int, twice_after: int) -> Tensor:
    """Each element and the neighbours along `dim` that exist, the one before and the one after twice at one place each.

    Either sum above without writing in place, which a compiler unrolls to megabytes of code.
    """
    n, right = x.shape[dim], x.ndim - 1 - dim
    padded = pad(x, (0, 0) * right + (1, 1))
    place = torch.arange(n, device=x.device).view(n, *(1,) * right)
    before = padded.narrow(dim, 0, n) * torch.where(place == twice_before, 2.0, 1.0)
    return x + before + padded.narrow(dim, 2, n) * torch.where(place == twice_after, 2.0, 1.0)


def window_sum(x: Float[Tensor, "*b h w"]) -> Float[Tensor, "*b h w"]:
    """Nine times the window mean, outside autograd."""
    return _triple_sum(_triple_sum(x, x.ndim - 1), x.ndim - 2)


def window_sum_adjoint(g: Float[Tensor, "*b h w"]) -> Float[Tensor, "*b h w"]:
    """What the gradient of `window_sum` does."""
    return _triple_sum_adjoint(_triple_sum_adjoint(g, g.ndim - 2), g.ndim - 1)


class _WindowMean(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return window_sum(x).div_(9)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> Tensor:
        return window_sum_adjoint(grad_outputs[0]).div_(9)


def window_mean(x: Float[Tensor, "*b h w"]) -> Float[Tensor, "*b h w"]:
    """Mean over the 3x3 window of each pixel, the border reflected; h and w at least 2."""
    return _WindowMean.apply(x)
