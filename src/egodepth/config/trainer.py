"""Options of the training loop: length, seed, devices, logging and checkpoints."""

from dataclasses import dataclass
from typing import Literal

from egodepth.foundation.errors import require


@dataclass(frozen=True, kw_only=True)
class TrainerConfig:
    """Length, seed, devices, logging and checkpoints of a run."""

    steps: int = 1000
    batch_size: int = 12
    seed: int = 0
    workers: int = 0
    """Number of processes that load data; 0: the main process loads. The result does not depend on it."""
    worker_patience: int = 300
    """Seconds that a batch may take before its loading process counts as hung and a new one starts. 0: no limit."""
    device: str = ""
    """`cpu`, `cuda`, ... Empty: the GPU if there is one."""
    precision: Literal["float32", "bfloat16", "auto"] = "float32"
    """Number type of the networks' convolutions; geometry and losses are always float32. bfloat16 is faster where the
    processor has matrix units for it (GPUs, Intel AMX), and slower elsewhere. auto uses it where it is faster, and
    records the choice in the run folder."""
    compile: Literal["none", "losses", "all"] = "none"
    """Compile for this machine with torch.compile: `losses` compiles the warp and the losses, `all` also the networks.
    Values change by rounding only. The first step takes up to some minutes longer, once per machine. For long runs on
    GPUs. On a processor `none` is faster, because its losses are loops in C. A run keeps its setting."""
    shared_statistics: bool = True
    """With several processes (torchrun), normalise by the statistics of the whole batch: the run does not depend on the
    number of processes. Without it each process uses its own part of the batch, which is faster on a slow network."""
    clean_statistics: int = 0
    """Measure the batch statistics of every kept model again, on this many training frames without jitter. 0 keeps
    those of training, as published. After a strong jitter, these belong to different images."""
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
