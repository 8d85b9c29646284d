"""Adam, and the learning rate as a function of the step."""

from dataclasses import dataclass
from typing import Literal

from egodepth.foundation.errors import require


@dataclass(frozen=True, kw_only=True)
class OptimiserConfig:
    """Adam and the learning rate as a function of the step alone."""

    learning_rate: float = 1e-4
    schedule: Literal["step", "cosine"] = "step"
    """`step`: a tenth after `drop_at` of all steps, as published; `cosine`: warm up, then down to zero. A depth network
    that waits for the poses (`pose_first`) runs the whole schedule in the steps that are left."""
    drop_at: float = 0.75
    """Where `step` drops, as a share of all steps."""
    warmup: float = 0.05
    """Where `cosine` peaks, as a share of all steps."""
    pose_first: float = 0.0
    """Share of all steps in which the pose network learns alone and without the auto-mask; for random weights. The
    auto-mask rewards any warp at first, right or wrong (the better of two views is better than one), and Adam makes
    full steps of the depth network's first, meaningless gradients: poses and depth may settle there (LOG.md)."""
    weight_decay: float = 0.0
    encoder_rate: float = 1.0
    """Learning rate of the depth encoder, times that of its decoder. Below 1, few frames leave more of what pretrained
    weights (or those of `init_from`) know about other images. 0: they stay as they are, batch-norm statistics included,
    and a step takes a third less time; an encoder of random weights learns like the rest."""
    focal_rate: float = 10.0
    """Learning rate of a learned focal length's logarithm (`data.camera`), times that of the depth network; with 1 it
    hardly moves in a short training."""

    def __post_init__(self) -> None:
        require(self.focal_rate > 0, "optimiser.focal_rate must be positive")
        require(self.encoder_rate >= 0, "optimiser.encoder_rate cannot be negative")
        require(self.learning_rate > 0, "optimiser.learning_rate must be positive")
        require(self.weight_decay >= 0, "optimiser.weight_decay cannot be negative")
        require(
            0 <= self.drop_at <= 1 and 0 <= self.warmup < 1 and 0 <= self.pose_first < 1,
            "optimiser: drop_at, warmup and pose_first are shares of all steps",
        )
