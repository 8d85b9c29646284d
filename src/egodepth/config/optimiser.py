"""Options of the optimiser (Adam) and its learning rate."""

from dataclasses import dataclass
from typing import Literal

from egodepth.foundation.errors import require


@dataclass(frozen=True, kw_only=True)
class OptimiserConfig:
    """Adam, and the learning rate as a function of the step alone."""

    learning_rate: float = 1e-4
    schedule: Literal["step", "cosine"] = "step"
    """`step`: a tenth after `drop_at` of all steps, as published. `cosine`: warm-up, then decay to zero. With
    `pose_first`, the depth network runs the whole schedule in the remaining steps."""
    drop_at: float = 0.75
    """Where `step` drops, as a share of all steps."""
    warmup: float = 0.05
    """Where `cosine` peaks, as a share of all steps."""
    pose_first: float = 0.0
    """Share of all steps in which the pose network learns alone and without the auto-mask; for random weights. At first
    the auto-mask rewards any warp, right or wrong (the better of two views is better than one). Adam also takes full
    steps along the depth network's first, meaningless gradients. Poses and depth may settle in that state (LOG.md)."""
    weight_decay: float = 0.0
    encoder_rate: float = 1.0
    """Learning rate of the depth encoder, relative to its decoder. With few frames, a value below 1 preserves more of
    what pretrained weights (or those of `init_from`) know about other images. 0: the encoder is frozen, batch-norm
    statistics included, and a step takes a third less time; an encoder with random weights learns at the decoder's
    rate."""
    focal_rate: float = 10.0
    """Learning rate of a learned focal length's logarithm (`data.camera`), relative to the depth network. With 1 it
    hardly changes in a short training."""

    def __post_init__(self) -> None:
        require(self.focal_rate > 0, "optimiser.focal_rate must be positive")
        require(self.encoder_rate >= 0, "optimiser.encoder_rate cannot be negative")
        require(self.learning_rate > 0, "optimiser.learning_rate must be positive")
        require(self.weight_decay >= 0, "optimiser.weight_decay cannot be negative")
        require(
            0 <= self.drop_at <= 1 and 0 <= self.warmup < 1 and 0 <= self.pose_first < 1,
            "optimiser: drop_at, warmup and pose_first are shares of all steps",
        )
