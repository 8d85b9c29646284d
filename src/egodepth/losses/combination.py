"""How the photometric errors of several sources become one loss a pixel."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

Present = Bool[Tensor, "n *#shape"]
"""Which sources exist; the errors of the others do not count."""


def minimum_reprojection(errors: Float[Tensor, "n *shape"], present: Present | None = None) -> Float[Tensor, "*shape"]:
    """The best source of each pixel: what is occluded in one may be seen in another (Godard et al. 2019, eq. 4).

    Args:
        errors: of n sources.
        present: at least one source of each pixel; None: all.
    """
    if present is not None:
        errors = errors.masked_fill(~present, torch.inf)
    return errors.amin(0)


def average_reprojection(errors: Float[Tensor, "n *shape"], present: Present | None = None) -> Float[Tensor, "*shape"]:
    """The mean over the sources: the older way, kept for the ablation; arguments as in `minimum_reprojection`."""
    if present is None:
        return errors.mean(0)
    return errors.masked_fill(~present, 0).sum(0) / present.sum(0)


def automask(
    warped: Float[Tensor, "*shape"], unwarped: Float[Tensor, "*shape"]
) -> tuple[Float[Tensor, "*shape"], Bool[Tensor, "*shape"]]:
    """Loss and kept pixels: those that warping explains strictly better than not warping (Godard et al. 2019, eq. 5).

    A dropped pixel (a tied one, too) contributes its unwarped error, a constant without gradient, as in the original:
    the gradient is that of multiplying by the mask, and pixels cannot lower the loss by leaving it. An error that is no
    number is kept: a loss must not hide it.
    """
    kept = ~(warped >= unwarped)
    return torch.where(kept, warped, unwarped), kept
