"""The photometric error: SSIM and L1 (Godard et al. 2019, eq. 2)."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

_C1 = 0.01**2
_C2 = 0.03**2


class WindowStatistics(NamedTuple):
    """Mean and biased variance of an image over the 3x3 window of each pixel."""

    mean: Float[Tensor, "*b c h w"]
    variance: Float[Tensor, "*b c h w"]


def window_mean(image: Float[Tensor, "*b c h w"]) -> Float[Tensor, "*b c h w"]:
    """Return the mean over the 3x3 window of each pixel, with a reflected border; h and w are at least 2."""
    x = pad(image.reshape(-1, *image.shape[-3:]), (1, 1, 1, 1), mode="reflect")
    x = x[..., 1:-1] + x[..., 2:] + x[..., :-2]
    x = x[..., 1:-1, :] + x[..., 2:, :] + x[..., :-2, :]
    return (x / 9).view(image.shape)


def window_statistics(image: Float[Tensor, "*b c h w"]) -> WindowStatistics:
    """Return the statistics of an image over 3x3 windows."""
    mean = window_mean(image)
    return WindowStatistics(mean, window_mean(image * image) - mean * mean)


def ssim(x: Float[Tensor, "*b c h w"], y: Float[Tensor, "... c h w"]) -> Float[Tensor, "*b c h w"]:
    """Return the structural similarity over 3x3 windows (Wang et al. 2004); it is 1 where both images are equal.

    The windows have uniform weights and a reflected border.

    Args:
        x: images in [0, 1].
        y: images in [0, 1].

    Example:
        >>> ssim(torch.ones(3, 2, 2), torch.ones(3, 2, 2)).mean()
        tensor(1.)
    """
    mean_x, variance_x = window_statistics(x)
    mean_y, variance_y = window_statistics(y)
    covariance = window_mean(x * y) - mean_x * mean_y
    numerator = (2 * mean_x * mean_y + _C1) * (2 * covariance + _C2)
    denominator = (mean_x * mean_x + mean_y * mean_y + _C1) * (variance_x + variance_y + _C2)
    return numerator / denominator


def photometric_error(
    x: Float[Tensor, "*b c h w"], y: Float[Tensor, "... c h w"], ssim_weight: float = 0.85
) -> Float[Tensor, "*b h w"]:
    """Return the photometric error of two images at each pixel (Godard et al. 2019, eq. 2).

    Args:
        x: images in [0, 1].
        y: images in [0, 1]; images of one scale are compared with all scales of x.
        ssim_weight: share of (1 - SSIM) / 2; the rest is the absolute difference.

    Example:
        >>> photometric_error(torch.zeros(3, 2, 2), torch.ones(3, 2, 2))  # black and white: 0.85 / 2 + 0.15
        tensor([[0.5750, 0.5750],
                [0.5750, 0.5750]])
    """
    difference = (x - y).abs().mean(-3)
    if ssim_weight == 0:
        return difference
    dissimilarity = torch.clamp((1 - ssim(x, y)) / 2, 0, 1).mean(-3)
    return ssim_weight * dissimilarity + (1 - ssim_weight) * difference
