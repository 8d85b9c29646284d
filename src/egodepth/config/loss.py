"""The parts of the method."""

from dataclasses import dataclass
from typing import Literal

from egodepth.foundation.errors import require


@dataclass(frozen=True, kw_only=True)
class LossConfig:
    """The parts of the method; each can be set apart (Godard et al. 2019, Table 2)."""

    reprojection: Literal["minimum", "average"] = "minimum"
    """How a pixel's errors over the sources combine (eq. 4)."""
    automask: bool = True
    """Drop pixels that warping does not explain better than not warping (eq. 5)."""
    multiscale: Literal["full", "native"] = "full"
    """Compare every scale at full resolution, or each at its own size."""
    predictive_mask: bool = False
    """Zhou et al. 2017's learned mask, one channel a source; goes without automask."""
    depth_scaling: Literal["none", "median"] = "none"
    """Divide each frame's depth by its own median before it warps (adaptive depth-range scaling; mono only)."""
    ssim_weight: float = 0.85
    """Share of SSIM in the photometric error (eq. 2); 0 leaves L1 alone."""
    photometric: float = 1.0
    """Weight of the photometric loss. With 0 the network learns from hints alone; a step is faster without warping."""
    photometric_from: float = 0.0
    """Share of all steps after which the photometric loss begins. Hints search the whole range of depths and find the
    neighbourhood; the photometric loss refines what is near enough."""
    pose: float = 1.0
    """Weight of the pose network's error against known poses (`data.poses` sfm)."""
    smoothness: float = 1e-3
    """Weight of the edge-aware smoothness (eq. 3), halved at each coarser scale."""
    mask_weight: float = 0.2
    """Weight of the predictive mask's cross-entropy against 1."""
    terms: tuple[str, ...] = ()
    """Further loss terms by name (docs/extending.md): NAME, or NAME:option=value,option=value."""

    def __post_init__(self) -> None:
        require(0 <= self.ssim_weight <= 1, "loss.ssim_weight is a share, 0 to 1")
        weights = (self.smoothness, self.mask_weight, self.photometric, self.pose)
        require(min(weights) >= 0, "loss: weights cannot be negative")
        require(0 <= self.photometric_from < 1, "loss.photometric_from is a share of all steps")
        require(not (self.predictive_mask and self.automask), "loss: predictive_mask goes with --loss.no-automask")
