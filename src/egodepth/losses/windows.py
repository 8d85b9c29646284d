"""Means over 3x3 windows, the one filter of SSIM: two passes of additions, and their exact adjoint."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor


def _inner_sum(x: Tensor, dim: int) -> Tensor:
    """Sum of each element and the neighbours along `dim` that exist: its own adjoint."""
    n = x.shape[dim]
    total = x.clone()
    total.narrow(dim, 0, n - 1).add_(x.narrow(dim, 1, n - 1))
    total.narrow(dim, 1, n - 1).add_(x.narrow(dim, 0, n - 1))
    return total


def _triple_sum(x: Tensor, dim: int) -> Tensor:
    """Sum of each element and its two neighbours along `dim`, the border reflected (its inner neighbour twice)."""
    n, total = x.shape[dim], _inner_sum(x, dim)
    total.narrow(dim, 0, 1).add_(x.narrow(dim, 1, 1))
    total.narrow(dim, n - 1, 1).add_(x.narrow(dim, n - 2, 1))
    return total


def _triple_sum_adjoint(g: Tensor, dim: int) -> Tensor:
    n, total = g.shape[dim], _inner_sum(g, dim)
    total.narrow(dim, 1, 1).add_(g.narrow(dim, 0, 1))
    total.narrow(dim, n - 2, 1).add_(g.narrow(dim, n - 1, 1))
    return total


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
