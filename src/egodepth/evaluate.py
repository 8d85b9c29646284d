"""`egodepth evaluate MODEL --benchmark NAME --data DIR`: a model's numbers, beside what they must beat."""

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Literal

import torch
from jaxtyping import Float
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch import Tensor
from tyro.conf import Positional

from egodepth.data.drive import Drive, select_drives
from egodepth.data.opening import depth_frames, open_drives
from egodepth.data.types import DepthSample
from egodepth.errors import InputError
from egodepth.evaluation.baselines import MeanDepthMap, constant_depth
from egodepth.evaluation.evaluator import Baseline, aligned_depth, evaluate_predictions
from egodepth.evaluation.metrics import METRICS
from egodepth.evaluation.pictures import SheetRow, notable_images, write_picture_sheet
from egodepth.evaluation.pixels import WHOLE
from egodepth.evaluation.protocols import PROTOCOLS, Protocol
from egodepth.evaluation.report import MODEL, Report
from egodepth.files import write_text
from egodepth.predictor import DepthPredictor

MEAN_MAP_FRAMES = 200
"""How many true depth maps the mean depth map is made of, at most."""

Frames = list[tuple[Drive, int]]


@dataclass(frozen=True)
class Evaluate:
    """Score a model: seven metrics under every alignment, baselines, parts of the image, pictures."""

    model: Positional[str]
    """A run folder, a model folder or a hub id."""
    benchmark: Literal["synthetic", "kitti_2015", "eigen", "eigen_benchmark"]
    """Which pixels count."""
    data: Path
    """The data set: a rendered set, KITTI 2015 stereo, KITTI raw, ..."""
    split: Literal["train", "val", "test"] = "test"
    """Which drives of a rendered set."""
    drives: tuple[str, ...] = ("*",)
    """Glob patterns of the drives to evaluate on."""
    limit: int | None = None
    """Evaluate on this many frames, evenly spaced."""
    out: Path | None = None
    """Folder for the report; `report` under the run or beside the model if left out."""
    json: Path | None = None
    """Write the metrics to this file, too."""
    mean_map: Path | None = None
    """Data whose true depth makes the mean-map baseline; default: the training split, else all other test frames."""
    factor: float | None = None
    """Also score depth multiplied by this factor."""
    size: tuple[int, int] | None = None
    """Height and width at which the network runs; its own if left out."""
    post_process: bool = False
    """Average with the mirrored image's prediction."""
    device: str | None = None
    """`cpu`, `cuda`, ...; the GPU if there is one when left out."""

    def __call__(self) -> None:
        """Evaluate, print the table, write the report."""
        if self.limit is not None and self.limit < 1:
            raise InputError(f"--limit {self.limit}: evaluate on at least one frame")
        protocol = PROTOCOLS[self.benchmark]
        drives = select_drives(open_drives(self.data, self.split), self.drives)
        frames = depth_frames(drives, self.limit)
        if not frames:
            raise InputError(f"{self.data}: no frame has true depth to compare with; give a data set that has it")
        predictor = DepthPredictor.load(self.model, self.device, self.size, self.post_process)
        baselines = {"constant depth": constant_depth, **self._mean_map_baseline(frames, protocol)}
        samples = FrameSamples(frames, "Evaluating")
        report = evaluate_predictions(
            predictor.inverse_depth_of, samples, protocol, baselines=baselines, factor=self.factor
        )
        seen = sorted({drive.name for drive, _ in frames} & set(predictor.model.card.training_drives))
        report = dataclasses.replace(report, about=self._about(predictor, seen))
        folder = self.out or (Path(self.model) if Path(self.model).is_dir() else Path()) / "report"
        paths = [*report.write(folder), folder / "sheet.png"]
        write_picture_sheet(paths[-1], list(_notable_rows(report, samples, predictor, protocol)), protocol)
        if self.json:
            write_text(self.json, report.to_json() + "\n")
        _print(report, paths, seen)

    def _mean_map_baseline(self, frames: Frames, protocol: Protocol) -> dict[str, Baseline]:
        """The mean-depth-map baseline by its name, which says what the map is made of."""
        if self.mean_map:
            others, label = open_drives(self.mean_map, "train"), self.mean_map.name
        else:
            others, label = self._training_split(), "train split"
        training = depth_frames(others, MEAN_MAP_FRAMES)
        if training:
            inverse_depth = MeanDepthMap.of(_depths(training), protocol).inverse_depth()
            return {f"mean map ({label})": lambda sample: inverse_depth}
        if self.mean_map:
            raise InputError(f"{self.mean_map}: no frame has true depth; give another data set or leave --mean-map out")
        whole = MeanDepthMap.of(_depths(frames), protocol)
        return {"mean map (leave-1-out)": lambda sample: whole.without(sample.depth, protocol).inverse_depth()}

    def _training_split(self) -> list[Drive]:
        """The training drives of a data set that has splits; none where every split is all there is."""
        training, evaluated = open_drives(self.data, "train"), open_drives(self.data, self.split)
        return [] if {d.name for d in training} == {d.name for d in evaluated} else training

    def _about(self, predictor: DepthPredictor, seen: list[str]) -> dict[str, object]:
        return {
            "model": self.model,
            "data": str(self.data),
            "split": self.split,
            "drives": list(self.drives),
            "size": list(predictor.size),
            "post_process": self.post_process,
            "metric": predictor.model.card.metric,
            "evaluated_drives_trained_on": seen,
        }


class FrameSamples:
    """Frames read one by one under a progress bar, found again by name."""

    def __init__(self, frames: Frames, doing: str) -> None:
        self._frames = frames
        self._doing = doing
        self._by_name: dict[str, tuple[Drive, int]] = {}

    def __iter__(self) -> Iterator[DepthSample]:
        for drive, frame in _tracked(self._frames, self._doing):
            sample = drive.depth_sample(frame)
            self._by_name[sample.name] = (drive, frame)
            yield sample

    def __getitem__(self, name: str) -> DepthSample:
        """The sample of this name, read again; it must have been gone through before."""
        drive, frame = self._by_name[name]
        return drive.depth_sample(frame)


def _tracked(frames: Frames, doing: str) -> Iterable[tuple[Drive, int]]:
    return track(frames, doing, console=Console(stderr=True), transient=True)


def _depths(frames: Frames) -> Iterator[Float[Tensor, "hg wg"]]:
    for drive, frame in _tracked(frames, "Mean depth map"):
        yield torch.from_numpy(drive.read_depth(frame))


def _notable_rows(
    report: Report, samples: FrameSamples, predictor: DepthPredictor, protocol: Protocol
) -> Iterator[SheetRow]:
    """The best, median and worst image, predicted again for the picture sheet."""
    for name, title in notable_images(report).items():
        sample = samples[name]
        depth = aligned_depth(sample, predictor.inverse_depth_of(sample.image), protocol)
        yield SheetRow(title, sample.image, depth, sample.depth)


def _print(report: Report, paths: list[Path], seen: list[str]) -> None:
    console = Console()
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
    table.add_column(report.protocol)
    for heading in (*METRICS, "images"):
        table.add_column(heading, justify="right", no_wrap=True)
    for _, scores in groupby(report.table(), lambda score: (score.source == MODEL, score.part == WHOLE)):
        table.add_row()
        for score in scores:
            table.add_row(score.label, *(f"{score.metrics[name]:.3f}" for name in METRICS), str(score.images))
    console.print(table)
    console.print(report.footnote(), highlight=False)
    if seen:
        console.print(f"[yellow]The model was trained on {len(seen)} of these drives: {', '.join(seen)}[/]")
    for path in paths:
        console.print(str(path), soft_wrap=True, highlight=False)
