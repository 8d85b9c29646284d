"""Align predicted depth with the ground truth's scale before evaluation: the common alignments.

Every alignment is fitted on all valid pixels of an image, before any clamping. `scale_spread` measures how much the
per-image alignments hide (sigma_scale in Godard et al. 2019, Table 8).
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

Alignment = Callable[[Float[Tensor, "n"], Float[Tensor, "n"]], Float[Tensor, "n"]]
"""Maps (predicted depth, true depth) of one image's valid pixels to the aligned predicted depth."""


def median(values: Tensor | Sequence[float]) -> float:
    """Return the usual median: for an even number of values, the mean of the middle two."""
    return float(np.median(values.detach().cpu().numpy() if isinstance(values, Tensor) else values))


def median_ratio(prediction: Float[Tensor, "n"], truth: Float[Tensor, "n"]) -> float:
    """Return the factor of per-image median scaling (Zhou et al. 2017, section 4.1)."""
    return median(truth) / median(prediction)


def scale_spread(ratios: Sequence[float]) -> float:
    """Return sigma_scale, the relative spread of the per-image factors (Godard et al. 2019, Table 8)."""
    return float(np.std(np.asarray(ratios) / np.median(ratios)))


def scaled(factor: float) -> Alignment:
    """Return the alignment that applies one given factor to every image."""
    return lambda prediction, truth: prediction * factor


def per_image_median(prediction: Float[Tensor, "n"], truth: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
    """Align the medians of prediction and truth: the usual alignment of monocular training."""
    return prediction * median_ratio(prediction, truth)


def least_squares_scale(prediction: Float[Tensor, "n"], truth: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
    """Apply the factor on depth with the least squared error in depth, over pixels that are not infinitely far."""
    near = prediction.isfinite()
    own, true = prediction[near], truth[near]
    return prediction * ((own * true).sum() / own.square().sum())


def least_squares_scale_shift(prediction: Float[Tensor, "n"], truth: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
    """Apply the scale and shift of inverse depth with the least squared error (Ranftl et al. 2020, eq. 4).

    If the fitted inverse depth is not positive, the depth is infinite; the protocol clamps it.
    """
    x, y = 1 / prediction.double(), 1 / truth.double()
    variance = (x - x.mean()).square().sum()
    covariance = ((x - x.mean()) * (y - y.mean())).sum()
    # A constant prediction has no scale to fit: the shift alone is the best fit.
    scale = torch.where(variance > 0, covariance / variance, 0)
    fitted = scale * (x - x.mean()) + y.mean()
    return (1 / fitted.clamp(min=0)).to(prediction.dtype)


PER_IMAGE: dict[str, Alignment] = {
    "none": scaled(1.0),
    "median": per_image_median,
    "least_squares": least_squares_scale,
    "least_squares_shift": least_squares_scale_shift,
}
"""Alignments that need only the image itself."""
HEADLINE = "median"
"""The alignment that ranks images, and that compares image regions and baselines."""
DATASET_MEDIAN = "dataset_median"
"""One factor for the whole set, the median of the per-image ratios (Godard et al. 2019, Table 8)."""
FIXED = "fixed"
"""One given factor."""
