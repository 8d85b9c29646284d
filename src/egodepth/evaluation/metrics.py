"""The seven depth metrics of the field (Eigen et al. 2014, section 4.2), for one set of pixels."""

import torch
from jaxtyping import Float
from torch import Tensor

ERRORS: tuple[str, ...] = ("abs_rel", "sq_rel", "rmse", "rmse_log")
"""Smaller is better; of the others, larger."""
METRICS: tuple[str, ...] = (*ERRORS, "a1", "a2", "a3")
"""Names as published; the first four are errors, the last three shares of pixels within 1.25, 1.25^2 and 1.25^3."""


def depth_metrics(prediction: Float[Tensor, "n"], truth: Float[Tensor, "n"]) -> dict[str, float]:
    """The seven metrics over valid pixels: both depths positive, in the same units (Eigen et al. 2014, section 4.2).

    Computed in float64. Protocols average the values of single images, not of all pixels.

    Raises:
        ValueError: no pixels.
    """
    if truth.numel() == 0:
        raise ValueError("depth_metrics needs at least one valid pixel")
    prediction, truth = prediction.double(), truth.double()
    error = prediction - truth
    factor = torch.maximum(prediction / truth, truth / prediction)
    values = torch.stack(
        [
            (error.abs() / truth).mean(),
            (error.square() / truth).mean(),
            error.square().mean().sqrt(),
            (prediction.log() - truth.log()).square().mean().sqrt(),
            *((factor < 1.25**power).double().mean() for power in (1, 2, 3)),
        ]
    )
    return dict(zip(METRICS, values.tolist(), strict=True))
