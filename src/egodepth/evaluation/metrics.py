"""The seven usual depth metrics (Eigen et al. 2014, section 4.2), and Make3D's own, for one set of pixels."""

import torch
from jaxtyping import Float
from torch import Tensor

SHARES: tuple[str, ...] = ("a1", "a2", "a3")
"""Shares of pixels within 1.25, 1.25^2 and 1.25^3: larger is better. For the other metrics, smaller is better."""
METRICS: tuple[str, ...] = ("abs_rel", "sq_rel", "rmse", "rmse_log", *SHARES)
"""Published names of the metrics."""
LOG10 = "log10"
"""Name of `log10_error`."""


def depth_metrics(prediction: Float[Tensor, "n"], truth: Float[Tensor, "n"]) -> dict[str, float]:
    """Return the seven metrics over valid pixels (Eigen et al. 2014, section 4.2).

    Both depths are positive and in the same units. Computed in float64. Protocols average over images,
    not over all pixels.

    Raises:
        ValueError: no pixels.

    Example:
        >>> metrics = depth_metrics(prediction=torch.tensor([2.0, 6.0]), truth=torch.tensor([2.0, 4.0]))
        >>> metrics["abs_rel"], metrics["a1"]
        (0.25, 0.5)
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


def log10_error(prediction: Float[Tensor, "n"], truth: Float[Tensor, "n"]) -> float:
    """Return the RMS difference of the decimal logarithms of depth over at least one pixel, as in Make3D's tables.

    Saxena et al. 2009 define it by the mean absolute difference. Published tables, including Godard et al. 2019,
    contain this RMS value.
    """
    return (prediction.double().log10() - truth.double().log10()).square().mean().sqrt().item()
