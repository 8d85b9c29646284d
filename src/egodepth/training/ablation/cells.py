"""A cell of the ablation: one variant with one seed, trained and scored."""

import dataclasses
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from egodepth.config import TrainConfig
from egodepth.data.batch import DepthSample
from egodepth.data.opening import open_drives, thinned
from egodepth.evaluation.alignment import HEADLINE
from egodepth.evaluation.benchmark_frames import Frames, benchmark_frames
from egodepth.evaluation.benchmarks import BENCHMARKS, PROTOCOLS
from egodepth.evaluation.evaluator import Predict, evaluate_predictions
from egodepth.evaluation.report import MODEL
from egodepth.foundation.errors import InputError
from egodepth.foundation.files import write_text
from egodepth.inference.predictor import DepthPredictor
from egodepth.training.train import train


@dataclass(frozen=True, kw_only=True)
class Examination:
    """The frames that every cell is scored on, and the protocol."""

    paths: tuple[str, ...]
    """Data sets; for rendered ones, the test split."""
    drives: tuple[str, ...]
    """Glob patterns of the drives."""
    limit: int | None
    """At most this many frames, evenly spaced."""
    benchmark: str
    """Name of the benchmark."""
    improved: Path | None = None
    """KITTI's improved depth maps, for a benchmark that uses them."""
    all_frames: bool = False
    """Use every frame with true depth, instead of the benchmark's published frames."""

    def frames(self) -> Frames:
        """Return the existing frames of the benchmark.

        Raises:
            InputError: none of them exists.
        """
        benchmark = BENCHMARKS[self.benchmark]
        if benchmark.truth == "improved" and self.improved is None:
            raise InputError(f"{self.benchmark}: give --improved DIR, KITTI's improved depth maps (train and val)")
        drives = [drive for path in self.paths for drive in open_drives(path, "test", benchmark.truth, self.improved)]
        if self.all_frames:
            benchmark = dataclasses.replace(benchmark, lines=())
        found = benchmark_frames(benchmark, drives, self.drives, partial=True, root=Path(", ".join(self.paths)))
        return thinned(found, self.limit)

    def samples(self) -> Iterator[DepthSample]:
        """Yield the frames, read one by one."""
        return (drive.depth_sample(frame) for drive, frame in self.frames())


@dataclass(frozen=True)
class Score:
    """Score of one trained model, or a baseline: per-image median alignment, means over the images."""

    images: int
    sigma_scale: float
    parts: dict[str, dict[str, float]]
    """Metrics by image region."""
    averaged: str = ""
    """For a mean map: the averaged quantity."""


@dataclass(frozen=True)
class Cell:
    """One training and its score; everything a worker process needs."""

    variant: str
    seed: int
    config: TrainConfig
    """Configuration of this variant and seed."""
    examination: Examination
    out: Path
    """Folder of the ablation."""

    @property
    def name(self) -> str:
        """Name for messages and files."""
        return f"{self.variant}_seed_{self.seed}"

    @property
    def run(self) -> Path:
        """The run folder."""
        return self.out / "runs" / self.variant / f"seed_{self.seed}"

    @property
    def log(self) -> Path:
        """The log of the training's messages."""
        return self.out / "runs" / self.variant / f"seed_{self.seed}.log"

    @property
    def score_file(self) -> Path:
        """File with the score; it exists once the cell is finished."""
        return self.out / "scores" / f"{self.name}.json"

    def steps_done(self) -> int:
        """Return the number of finished training steps, from the log."""
        try:
            lines = (self.run / "log.jsonl").read_text().splitlines()
            return int(json.loads(lines[-1])["step"]) + 1
        except (OSError, ValueError, KeyError, IndexError):
            return 0  # not begun, or the last line is incomplete


def run_cell(cell: Cell) -> Score:
    """Train a cell, or continue it, score its last model and store the score.

    The last model is scored, not the best by validation: a comparison of trainings must not select.

    Raises:
        InputError: anything that training or scoring cannot use.
    """
    if not (cell.run / "config.json").exists():
        # A kill during the very first file leaves its beginning, which `train` would take for a foreign folder.
        shutil.rmtree(cell.run, ignore_errors=True)
    cell.log.parent.mkdir(parents=True, exist_ok=True)
    with cell.log.open("a") as log:
        train(cell.config, cell.run, Console(file=log, width=200))
    predictor = DepthPredictor.load(cell.run / "model_last", cell.config.trainer.device or None)
    result = score(predictor.judged, cell.examination)
    write_text(cell.score_file, json.dumps(dataclasses.asdict(result), indent=2) + "\n")
    # No longer needed, and six times as large as the final model.
    shutil.rmtree(cell.run / "checkpoints", ignore_errors=True)
    return result


def score(predict: Predict, examination: Examination) -> Score:
    """Score a predictor on every image region."""
    report = evaluate_predictions(predict, examination.samples(), PROTOCOLS[examination.benchmark])
    rows = [row for row in report.means() if row.source == MODEL and row.alignment == HEADLINE]
    return Score(len(report.ranked), report.sigma_scale, {row.part: row.metrics for row in rows})


def read_score(path: Path) -> Score:
    """Return a stored score; `InputError` names a damaged file."""
    try:
        return Score(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{path}: not a score ({error}); remove it to train and score this cell again") from error
