"""What an ablation is told."""

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
    """Folder for the trainings, their scores and the report."""
    config: Annotated[TrainConfig, tyro.conf.arg(name="")]
    data: tuple[str, ...] = ()
    """Short for --data.path."""
    variants: tuple[str, ...] = ()
    """Only these rows; if left out, all that apply but random-encoder and pretrained-encoder."""
    seeds: int = 3
    """Trainings of each row, with seeds --trainer.seed, the next, ..."""
    steps: int | None = None
    """Short for --trainer.steps: the length of every training."""
    jobs: int = 2
    """Trainings at the same time, the cores shared among them."""
    test: tuple[str, ...] = ()
    """Data to score on; default: the test split of the training data."""
    test_drives: tuple[str, ...] = ("*",)
    """Glob patterns of the drives to score on."""
    test_frames: int | None = None
    """Score on this many frames, evenly spaced; default: all that have true depth."""
    benchmark: DepthBenchmark = "synthetic"
    """Which of the frames and pixels count; of a published list, the frames that are there."""
    improved: Path | None = None
    """Folder of KITTI's improved depth maps, for eigen_benchmark."""
    all_frames: bool = False
    """Take every frame with true depth, whatever frames the benchmark is published for."""
    json: Path | None = None
    """Also write the results to this file."""
