"""Edge-aware smoothness of the mean-normalised disparity (Godard et al. 2019, eq. 3)."""

import torch
from jaxtyping import Float
from torch import Tensor


def edge_aware_smoothness(disparity: Float[Tensor, "b h w"], image: Float[Tensor, "b 3 h w"]) -> Float[Tensor, ""]:
    """Mean gradient of the disparity over its mean, weighted down where the image has gradients.

    Args:
        disparity: the network's, of any scale; divided by each map's mean, so that shrinking it gains nothing.
        image: the clean target at the disparity's size.
    """
    normalised = disparity / (disparity.mean((1, 2), keepdim=True) + 1e-7)
    along_x = normalised.diff(dim=-1).abs() * torch.exp(-image.diff(dim=-1).abs().mean(1))
    along_y = normalised.diff(dim=-2).abs() * torch.exp(-image.diff(dim=-2).abs().mean(1))
    return along_x.mean() + along_y.mean()
