"""What determines hints."""

from dataclasses import dataclass

import torch
from jaxtyping import Float32
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class SweepSettings:
    """What determines the hints of a recording, beside its frames, camera and poses.

    Lengths are in steps: the unit is the median distance between consecutive frames.
    """

    planes: int = 96
    """Planes compared, even in inverse depth."""
    nearest: float = 2.0
    """Distance of the nearest plane, in steps."""
    farthest: float = 150.0
    """Distance of the farthest plane, in steps."""
    offsets: tuple[int, ...] = (1, 2, 4)
    """Distances, in steps, before and after the target, at which the frames lie that it is compared with."""
    window: int = 5
    """Side of the square, in pixels, over which the error of a plane is averaged; odd."""
    ambiguity: float = 0.85
    """A pixel is kept if its best error is below this share of the best rival's."""
    apart: int = 8
    """Planes on either side of the best one that are no rivals of it."""
    highest_cost: float = 0.25
    """A pixel is kept if its best error is below this."""
    agreement: float = 0.1
    """Relative difference of inverse depth up to which a neighbour's own map agrees."""
    witnesses: int = 2
    """How many neighbours have to agree."""

    def inverse_depths(self, step: float) -> Float32[Tensor, " planes"]:
        """Inverse depth of every plane, ascending, for a recording whose median step has this length."""
        return torch.linspace(1 / self.farthest, 1 / self.nearest, self.planes) / step
