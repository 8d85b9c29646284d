"""The photometric error: SSIM and L1 (Godard et al. 2019, eq. 2)."""

from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from egodepth.losses.windows import window_mean, window_sum, window_sum_adjoint

_C1 = 0.01**2
_C2 = 0.03**2


class WindowStatistics(NamedTuple):
    """Mean and biased variance of an image over the 3x3 window of each pixel."""

    mean: Float[Tensor, "*b c h w"]
    variance: Float[Tensor, "*b c h w"]


def window_statistics(image: Float[Tensor, "*b c h w"]) -> WindowStatistics:
    """Window statistics of one image: computed once a step for the target, whatever it is compared with."""
    mean = window_mean(image)
    return WindowStatistics(mean, window_mean(image * image) - mean * mean)


def ssim(x: Float[Tensor, "*b c h w"], y: Float[Tensor, "*b c h w"]) -> Float[Tensor, "*b c h w"]:
    """Structural similarity over 3x3 windows: plain average, reflected border (Wang et al. 2004); 1 where equal.

    Args:
        x: images in [0, 1].
        y: images in [0, 1].
    """
    mean_x, variance_x = window_statistics(x)
    mean_y, variance_y = window_statistics(y)
    covariance = window_mean(x * y) - mean_x * mean_y
    numerator = (2 * mean_x * mean_y + _C1) * (2 * covariance + _C2)
    denominator = (mean_x * mean_x + mean_y * mean_y + _C1) * (variance_x + variance_y + _C2)
    return numerator / denominator


def photometric_error(
    x: Float[Tensor, "*b c h w"], y: Float[Tensor, "*b c h w"], ssim_weight: float = 0.85
) -> Float[Tensor, "*b h w"]:
    """Photometric error of two images, a pixel (Godard et al. 2019, eq. 2).

    Args:
        x: images in [0, 1].
        y: images in [0, 1].
        ssim_weight: share of (1 - SSIM) / 2; the rest is the absolute difference.
    """
    difference = (x - y).abs().mean(-3)
    if ssim_weight == 0:
        return difference
    dissimilarity = torch.clamp((1 - ssim(x, y)) / 2, 0, 1).mean(-3)
    return ssim_weight * dissimilarity + (1 - ssim_weight) * difference


class PhotometricTarget:
    """A target that many images are compared with: its statistics are computed once, its comparison has one backward.

    `error(x)` equals `photometric_error(x, target)`; the gradient goes to x alone, by hand: three filtered maps
    instead of the dozen that autograd would keep.
    """

    def __init__(self, image: Float[Tensor, "b c h w"], ssim_weight: float = 0.85) -> None:
        self.image, self.ssim_weight = image, ssim_weight
        self.statistics = window_statistics(image) if ssim_weight else None

    def error(self, x: Float[Tensor, "*s b c h w"]) -> Float[Tensor, "*s b h w"]:
        """Photometric error of images, perhaps of several scales, against the target."""
        if self.statistics is None:
            return photometric_error(x, self.image.expand_as(x), 0.0)
        return _PhotometricError.apply(x, self.image, *self.statistics, self.ssim_weight)


class _PhotometricError(torch.autograd.Function):
    """With window sums s1 = sum x, s2 = sum x^2, s3 = sum x y, SSIM is a function of the three at each pixel.

    Its derivatives by them are kept; the backward pass filters each with the adjoint window and multiplies by the
    derivatives of x, x^2 and x y.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor, mean_y: Tensor, variance_y: Tensor, weight: float) -> Tensor:
        mean = window_sum(x).div_(9)
        square = window_sum(x * x).div_(9)
        product = window_sum(x * y).div_(9)
        means = mean * mean_y
        n1, n2 = 2 * means + _C1, product.sub_(means).mul_(2).add_(_C2)
        mean_squared = mean * mean
        # In the order of `ssim`: an image compared with itself must give 1 exactly, or ties of the auto-mask break.
        d2 = square.sub_(mean_squared).add_(variance_y).add_(_C2)
        d1 = mean_squared.add_(mean_y * mean_y).add_(_C1)
        denominator = d1 * d2
        index = n1 * n2 / denominator
        dissimilarity = ((1 - index) / 2).clamp_(0, 1)
        difference = x - y
        error = weight * dissimilarity.mean(-3) + (1 - weight) * difference.abs().mean(-3)
        if ctx.needs_input_grad[0]:
            # d error / d SSIM: zero where the clamp holds.
            slope = ((index > -1) & (index < 1)).to(x.dtype).mul_(-weight / (2 * x.shape[-3]))
            by_square = index.mul_(slope) / d2
            by_square.neg_()
            scaled = slope.div_(denominator)
            by_mean = 2 * (scaled * mean_y * (n2 - n1) - index * mean / d1 - by_square * mean)
            by_product = scaled.mul_(n1).mul_(2)
            ctx.save_for_backward(x, y, by_mean, by_square, by_product, difference.sign_())
            ctx.weight = weight
        return error

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        x, y, by_mean, by_square, by_product, sign = ctx.saved_tensors
        gradient = grad_outputs[0].unsqueeze(-3) / 9
        result = window_sum_adjoint(by_mean * gradient)
        result += window_sum_adjoint(by_square * gradient).mul_(x).mul_(2)
        result += window_sum_adjoint(by_product * gradient).mul_(y)
        result += sign * (gradient * (9 * (1 - ctx.weight) / x.shape[-3]))
        return result, None, None, None, None
