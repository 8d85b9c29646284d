"""A focal length that is learned with depth and poses (Gordon et al. 2019, "Depth from Videos in the Wild")."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class LearnedFocal(nn.Module):
    """One factor on the focal lengths of all cameras of a training.

    Zooms and flips multiply a focal length by what is known, so one factor corrects the cameras of all samples. Only
    rotations tell: a camera that goes straight ahead sees the same with any focal length, of a scene stretched to fit.
    """

    def __init__(self) -> None:
        super().__init__()
        self.log_factor = nn.Parameter(torch.zeros(()))

    @property
    def factor(self) -> float:
        """What the focal lengths have to be multiplied by."""
        return self.log_factor.detach().exp().item()

    def forward(self, source_from_target: Float[Tensor, "b 4 4"]) -> Float[Tensor, "b 4 4"]:
        """The affine map that does to rays of the uncorrected cameras what the pose does to those of the corrected.

        A focal length g times as long makes rays D r of rays r, with D = diag(1/g, 1/g, 1), and projects D p where p
        was projected before, so that R (depth D r) + t seen by both corrected cameras is D^-1 R D (depth r) + D^-1 t
        seen by the uncorrected ones: the warp itself needs no other camera. Depth along the axis stays what it is.
        """
        one = torch.ones_like(self.log_factor)
        narrower = torch.stack([(-self.log_factor).exp()] * 2 + [one, one])
        return source_from_target * (narrower / narrower[:, None])
