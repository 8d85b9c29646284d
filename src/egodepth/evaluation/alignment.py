"""Bringing a predicted depth to the truth's scale before it is judged: the alignments in use, side by side.

Every alignment is fitted on all valid pixels of an image, before any clamping. How much the per-image ones hide is told
by `scale_spread` (sigma_scale in Godard et al. 2019, Table 8).
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

Alignment = Callable[[Float[Tensor, "n"], Float[Tensor, "n"]], Float[Tensor, "n"]]
"""(predicted depth, true depth) of one image's valid pixels -> aligned predicted depth."""


def median(values: Tensor | Sequence[float]) -> float:
    """The median as everybody else computes it: of an even number of values, the mean of the middle two."""
    return float(np.median(values.detach().cpu().numpy() if isinstance(values, Tensor) else values))


def median_ratio(prediction: Float[Tensor, "n"], truth: Float[Tensor, "n"]) -> float:
    """The factor of per-image median scaling (Zhou et al. 2017, section 4.1)."""
    return median(truth) / median(prediction)


def scale_spread(ratios: Sequence[float]) -> float:
    """sigma_scale: how far the per-image factors scatter about their median, relative (Godard et al. 2019, Table 8)."""
    return float(np.std(np.asarray(ratios) / np.median(ratios)))


def scaled(factor: float) -> Alignment:
    """One given factor for every image."""
    return lambda prediction, truth: prediction * factor


def per_image_median(prediction: Float[Tensor, "n"], truth: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
    """Equal medians of prediction and truth: the field's habit for monocular training."""
    return prediction * median_ratio(prediction, truth)


def least_squares_scale(prediction: Float[Tensor, "n"], truth: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
    """The factor on depth that leaves the smallest squared error in depth, over pixels that are not infinitely far."""
    near = prediction.isfinite()
    own, true = prediction[near], truth[near]
    return prediction * ((own * true).sum() / own.square().sum())


def least_squares_scale_shift(prediction: Float[Tensor, "n"], truth: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
    """Scale and shift of inverse depth with the smallest squared error in inverse depth (Ranftl et al. 2020, eq. 4).

    Where the fitted inverse depth is not positive the depth is infinite, for the protocol's clamp to cut.
    """
    x, y = 1 / prediction.double(), 1 / truth.double()
    variance = (x - x.mean()).square().sum()
    covariance = ((x - x.mean()) * (y - y.mean())).sum()
    # A constant prediction has no scale to fit: the shift alone is then the best.
    scale = torch.where(variance > 0, covariance / variance, 0)
    fitted = scale * (x - x.mean()) + y.mean()
    return (1 / fitted.clamp(min=0)).to(prediction.dtype)


PER_IMAGE: dict[str, Alignment] = {
    "none": scaled(1.0),
    "median": per_image_median,
    "least_squares": least_squares_scale,
    "least_squares_shift": least_squares_scale_shift,
}
"""Alignments that need nothing but the image itself."""
HEADLINE = "median"
"""The alignment by which images are ranked, and parts and baselines compared."""
DATASET_MEDIAN = "dataset_median"
"""One factor for the whole set, the median of the per-image ratios (Godard et al. 2019, Table 8)."""
FIXED = "fixed"
"""One factor given beforehand."""
