"""Length, seed and housekeeping of a run."""

from dataclasses import dataclass
from typing import Literal

from egodepth.foundation.errors import require


@dataclass(frozen=True, kw_only=True)
class TrainerConfig:
    """Length, seed and housekeeping of a run."""

    steps: int = 1000
    batch_size: int = 12
    seed: int = 0
    workers: int = 0
    """Processes that load data; 0 loads in the main process. The result does not depend on it."""
    worker_patience: int = 300
    """Seconds that a batch may take before the process that loads it counts as hanging, and others begin anew; 0: for
    ever."""
    device: str = ""
    """`cpu`, `cuda`, ...; empty picks the GPU if there is one."""
    precision: Literal["float32", "bfloat16", "auto"] = "float32"
    """Of the networks' convolutions; geometry and losses are always float32. bfloat16 is faster where the processor has
    matrix units for it (GPUs, Intel AMX), slower elsewhere; auto takes it there, and the run folder says what it took.
    """
    compile: Literal["none", "losses", "all"] = "none"
    """Let torch.compile translate the warp and the losses, or these and the networks, for this machine: to the same
    values but for rounding, after up to some minutes in the first step (once a machine: translations are kept). For
    long runs on GPUs; on a processor `none` is faster, whose losses are loops in C that a translation leaves out. A run
    keeps to one setting."""
    shared_statistics: bool = True
    """Of several processes (torchrun): normalise by the statistics of the whole batch, so that the run is the same
    whatever their number. Else each goes by its own part, which is faster where the network between them is slow."""
    clean_statistics: int = 0
    """Measure the batch statistics of every model that is kept anew, on this many training frames without jitter; 0
    keeps those of the training, as published. After a strong jitter they are those of other images."""
    log_every: int = 10
    validate_every: int = 250
    checkpoint_every: int = 250
    keep_checkpoints: int = 2
    panels_every: int = 250

    def __post_init__(self) -> None:
        positive = (
            "steps",
            "batch_size",
            "log_every",
            "validate_every",
            "checkpoint_every",
            "keep_checkpoints",
            "panels_every",
        )
        for name in positive:
            require(getattr(self, name) > 0, f"trainer.{name} must be at least 1")
        for name in ("workers", "worker_patience", "seed", "clean_statistics"):
            require(getattr(self, name) >= 0, f"trainer.{name} cannot be negative")
