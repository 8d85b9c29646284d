"""A focal length that is learned with depth and poses (Gordon et al. 2019, "Depth from Videos in the Wild")."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class LearnedFocal(nn.Module):
    """One learned factor on the focal lengths of all cameras of a training.

    Zoom augmentation multiplies a focal length by a known factor, so one correction is valid for all samples. Only
    rotations of the camera determine it. For a camera that moves straight ahead, every focal length explains the images
    by a scene that is stretched accordingly.
    """

    def __init__(self) -> None:
        super().__init__()
        self.log_factor = nn.Parameter(torch.zeros(()))

    @property
    def factor(self) -> float:
        """Return the factor that corrects the focal lengths."""
        return self.log_factor.detach().exp().item()

    def forward(self, source_from_target: Float[Tensor, "b 4 4"]) -> Float[Tensor, "b 4 4"]:
        """Return the affine map for the uncorrected cameras that equals the pose between the corrected cameras.

        With g times the focal length, a pixel has the ray D r instead of r, where D = diag(1/g, 1/g, 1), and the point
        D p projects to where p projected before. The motion R (depth D r) + t of the corrected cameras is therefore
        D^-1 R D (depth r) + D^-1 t for the uncorrected ones, and the warp can keep its cameras. Depth along the axis
        does not change.
        """
        one = torch.ones_like(self.log_factor)
        narrower = torch.stack([(-self.log_factor).exp()] * 2 + [one, one])
        return source_from_target * (narrower / narrower[:, None])
