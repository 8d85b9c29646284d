"""Edge-aware smoothness of the mean-normalised disparity (Godard et al. 2019, eq. 3)."""

import torch
from jaxtyping import Float
from torch import Tensor


def edge_aware_smoothness(disparity: Float[Tensor, "b h w"], image: Float[Tensor, "b 3 h w"]) -> Float[Tensor, ""]:
    """Return the mean gradient of the normalised disparity, with small weights where the image has gradients.

    Args:
        disparity: disparity of the network, at any scale. Each map is divided by its mean, so that a smaller disparity
            does not lower the loss.
        image: the clean target at the disparity's size.

    Example:
        >>> disparity = torch.tensor([[[1.0, 3.0], [1.0, 3.0]]])
        >>> edge = torch.tensor([0.0, 1.0]).expand(1, 3, 2, 2)
        >>> [round(edge_aware_smoothness(disparity, image).item(), 3) for image in (torch.zeros(1, 3, 2, 2), edge)]
        [1.0, 0.368]
    """
    normalised = disparity / (disparity.mean((1, 2), keepdim=True) + 1e-7)
    along_x = normalised.diff(dim=-1).abs() * torch.exp(-image.diff(dim=-1).abs().mean(1))
    along_y = normalised.diff(dim=-2).abs() * torch.exp(-image.diff(dim=-2).abs().mean(1))
    return along_x.mean() + along_y.mean()
