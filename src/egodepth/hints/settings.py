"""Settings of the hints."""

from dataclasses import dataclass

import torch
from jaxtyping import Float32
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class SweepSettings:
    """The settings that determine the hints of a recording, given its frames, camera and poses.

    Lengths are in steps: the unit is the median distance between consecutive frames.
    """

    planes: int = 96
    """Number of compared planes, evenly spaced in inverse depth."""
    nearest: float = 2.0
    """Distance of the nearest plane, in steps."""
    farthest: float = 150.0
    """Distance of the farthest plane, in steps."""
    offsets: tuple[int, ...] = (1, 2, 4)
    """Distances, in steps, of the frames before and after the target to compare with."""
    window: int = 5
    """Side in pixels of the square window over which the error of a plane is averaged; odd."""
    ambiguity: float = 0.85
    """Largest ratio of the best plane's error to the second best plane's. Pixels with a larger ratio have no hint."""
    apart: int = 8
    """Number of planes on either side of the best one that do not count as the second best."""
    highest_cost: float = 0.25
    """A pixel is kept if its best error is below this."""
    agreement: float = 0.1
    """Largest relative difference of inverse depth at which a neighbour's map agrees."""
    witnesses: int = 2
    """Number of neighbours that must agree."""

    def inverse_depths(self, step: float) -> Float32[Tensor, " planes"]:
        """Return the inverse depth of every plane, ascending, for a recording with this median step."""
        return torch.linspace(1 / self.farthest, 1 / self.nearest, self.planes) / step
