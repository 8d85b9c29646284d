"""Options of an ablation."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from egodepth.config import TrainConfig
from egodepth.inference.scoring.options import DepthBenchmark


@dataclass(frozen=True)
class AblationOptions:
    """The recipe, the rows, the number of seeds, and the data to score on."""

    out: Path
    """Output folder for the trainings, their scores and the report."""
    config: Annotated[TrainConfig, tyro.conf.arg(name="")]
    data: tuple[str, ...] = ()
    """Short for --data.path."""
    variants: tuple[str, ...] = ()
    """Only these rows. Left out: all that apply except random-encoder and pretrained-encoder."""
    seeds: int = 3
    """Number of trainings per row, with seeds --trainer.seed, the next, ..."""
    steps: int | None = None
    """Short for --trainer.steps: the length of every training."""
    jobs: int = 2
    """Number of parallel trainings, which share the cores."""
    test: tuple[str, ...] = ()
    """Data to score on. Left out: the test split of the training data."""
    test_drives: tuple[str, ...] = ("*",)
    """Glob patterns of the drives to score on."""
    test_frames: int | None = None
    """Score on this many frames, evenly spaced. Left out: all frames with true depth."""
    benchmark: DepthBenchmark = "synthetic"
    """Which frames and pixels count. Of a published list, the existing frames are used."""
    improved: Path | None = None
    """Folder of KITTI's improved depth maps, for eigen_benchmark."""
    all_frames: bool = False
    """Use every frame with true depth, instead of the benchmark's published frames."""
    json: Path | None = None
    """Also write the results to this JSON file."""
