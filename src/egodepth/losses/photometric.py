"""The photometric error: SSIM and L1 (Godard et al. 2019, eq. 2)."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import avg_pool2d, pad

_C1 = 0.01**2
_C2 = 0.03**2


class WindowStatistics(NamedTuple):
    """Mean and biased variance of an image over the 3x3 window of each pixel."""

    mean: Float[Tensor, "b c h w"]
    variance: Float[Tensor, "b c h w"]


def _window_mean(image: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
    return avg_pool2d(pad(image, (1, 1, 1, 1), mode="reflect"), 3, stride=1)


def window_statistics(image: Float[Tensor, "b c h w"]) -> WindowStatistics:
    """Window statistics of one image: computed once a step for the target, whatever it is compared with."""
    mean = _window_mean(image)
    return WindowStatistics(mean, _window_mean(image * image) - mean * mean)


def ssim(
    x: Float[Tensor, "b c h w"], y: Float[Tensor, "b c h w"], y_statistics: WindowStatistics | None = None
) -> Float[Tensor, "b c h w"]:
    """Structural similarity over 3x3 windows: plain average, reflected border (Wang et al. 2004); 1 where equal.

    Args:
        x: images in [0, 1].
        y: images in [0, 1].
        y_statistics: `window_statistics(y)`, where it is known already.
    """
    mean_y, variance_y = y_statistics or window_statistics(y)
    mean_x, variance_x = window_statistics(x)
    covariance = _window_mean(x * y) - mean_x * mean_y
    numerator = (2 * mean_x * mean_y + _C1) * (2 * covariance + _C2)
    denominator = (mean_x * mean_x + mean_y * mean_y + _C1) * (variance_x + variance_y + _C2)
    return numerator / denominator


def photometric_error(
    x: Float[Tensor, "b c h w"],
    y: Float[Tensor, "b c h w"],
    ssim_weight: float = 0.85,
    y_statistics: WindowStatistics | None = None,
) -> Float[Tensor, "b h w"]:
    """Photometric error of two images, a pixel (Godard et al. 2019, eq. 2).

    Args:
        x: images in [0, 1].
        y: images in [0, 1].
        ssim_weight: share of (1 - SSIM) / 2; the rest is the absolute difference.
        y_statistics: `window_statistics(y)`, where it is known already.
    """
    difference = (x - y).abs().mean(1)
    if ssim_weight == 0:
        return difference
    dissimilarity = torch.clamp((1 - ssim(x, y, y_statistics)) / 2, 0, 1).mean(1)
    return ssim_weight * dissimilarity + (1 - ssim_weight) * difference
