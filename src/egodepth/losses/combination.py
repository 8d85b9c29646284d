"""Combine the photometric errors of several sources into one loss per pixel."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

Present = Bool[Tensor, "n *#shape"]
"""Mask of the sources that exist; the errors of the others are ignored."""


def minimum_reprojection(errors: Float[Tensor, "n *shape"], present: Present | None = None) -> Float[Tensor, "*shape"]:
    """Return the smallest error over the sources at each pixel (Godard et al. 2019, eq. 4).

    A point that is occluded in one source may be visible in another.

    Args:
        errors: errors of n sources.
        present: which sources exist, at least one per pixel; None: all.

    Example:
        >>> minimum_reprojection(torch.tensor([[0.2, 0.9], [0.5, 0.1]]))  # two sources, two pixels
        tensor([0.2000, 0.1000])
    """
    if present is not None:
        errors = errors.masked_fill(~present, torch.inf)
    return errors.amin(0)


def average_reprojection(errors: Float[Tensor, "n *shape"], present: Present | None = None) -> Float[Tensor, "*shape"]:
    """Return the mean error over the sources, for the ablation; arguments as in `minimum_reprojection`."""
    if present is None:
        return errors.mean(0)
    return errors.masked_fill(~present, 0).sum(0) / present.sum(0)


def automask(
    warped: Float[Tensor, "*shape"], unwarped: Float[Tensor, "*shape"]
) -> tuple[Float[Tensor, "*shape"], Bool[Tensor, "*shape"]]:
    """Return the loss and the kept pixels: those that warping explains strictly better (Godard et al. 2019, eq. 5).

    A dropped pixel, also a tied one, contributes its unwarped error, which has no gradient. The original does the same.
    The gradient therefore equals that of a multiplication by the mask, and pixels cannot lower the loss by leaving the
    mask. An error of NaN is kept, because a loss must not hide it.

    Example:
        >>> automask(warped=torch.tensor([0.1, 0.4]), unwarped=torch.tensor([0.3, 0.2]))
        (tensor([0.1000, 0.2000]), tensor([ True, False]))
    """
    kept = ~(warped >= unwarped)
    return torch.where(kept, warped, unwarped), kept
