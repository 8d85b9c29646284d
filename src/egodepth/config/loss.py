"""Options of the losses."""

from dataclasses import dataclass
from typing import Literal

from egodepth.foundation.errors import require


@dataclass(frozen=True, kw_only=True)
class LossConfig:
    """The parts of the method. Each can be changed on its own (Godard et al. 2019, Table 2)."""

    reprojection: Literal["minimum", "average"] = "minimum"
    """How the errors of a pixel over the sources are combined (eq. 4)."""
    automask: bool = True
    """Drop pixels whose error is lower without warping than with it (eq. 5)."""
    multiscale: Literal["full", "native"] = "full"
    """Compute the loss of each scale at full resolution, or at the scale's own resolution."""
    predictive_mask: bool = False
    """Learn the mask of Zhou et al. 2017, one channel per source. Requires no automask."""
    depth_scaling: Literal["none", "median"] = "none"
    """Divide each frame's depth by its median before warping (adaptive depth-range scaling; monocular training only).
    """
    ssim_weight: float = 0.85
    """Share of SSIM in the photometric error (eq. 2); 0: L1 alone."""
    photometric: float = 1.0
    """Weight of the photometric loss. With 0, the network learns from hints alone; steps are faster without warping."""
    photometric_from: float = 0.0
    """Share of all steps after which the photometric loss begins. Hints search the whole range of depths; the
    photometric loss refines depth that is already near the truth."""
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
