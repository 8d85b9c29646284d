"""`egodepth evaluate MODEL --benchmark NAME --data DIR`: a model's numbers, beside what they must beat."""

import dataclasses
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from rich.console import Console
from tyro.conf import Positional

from egodepth.data.kitti.raw import KittiDrive, Truth
from egodepth.data.kitti.test_sets import shared_recordings
from egodepth.errors import InputError
from egodepth.evaluate.frames import judged_samples, mean_map_baselines
from egodepth.evaluate.options import check_options
from egodepth.evaluation.baselines import constant_depth
from egodepth.evaluation.benchmarks import BENCHMARKS, Benchmark, Frames
from egodepth.evaluation.evaluator import evaluate_predictions
from egodepth.evaluation.external import ExternalMaps, Kind, inverse_depth_from, is_upside_down
from egodepth.evaluation.paired import compare
from egodepth.evaluation.pictures import notable_rows, write_picture_sheet
from egodepth.evaluation.printing import print_paired, print_report
from egodepth.evaluation.report import METRICS_FILE, REPORT_FILES, Report
from egodepth.files import refuse_existing, write_text
from egodepth.odometry import Odometry
from egodepth.predictor import DepthPredictor
from egodepth.progress import warn
from egodepth.ranks import Ranks, sharing
from egodepth.reading import read_json
from egodepth.upload import Upload
from egodepth.weights import cameras_of, other_lens

_SHEET, _PAIRED = "sheet.png", "paired.json"


@dataclass(frozen=True)
class Evaluate:
    """Score a model: seven metrics under every alignment, with intervals, baselines, parts of the image, pictures.

    Predictions made elsewhere are scored without a model (--predictions), two models against each other image by
    image with --paired.
    """

    benchmark: Literal[
        "synthetic",
        "kitti_2015",
        "eigen",
        "eigen_benchmark",
        "make3d",
        "cityscapes",
        "odometry",
        "kitti_benchmark_server",
    ]
    """Which frames and pixels count; `odometry` scores trajectories (see egodepth odometry),
    `kitti_benchmark_server` writes the folder to upload (--out)."""
    data: Path
    """KITTI (raw, 2015 stereo, odometry), Cityscapes, Make3D, a rendered set, or one with manifest.csv."""
    model: Positional[tuple[str, ...]] = ()
    """A run folder, a model folder or a hub id; two with --paired."""
    predictions: Path | None = None
    """Score these instead of a model: .npy, .npz or a folder, a map an image in the benchmark's order."""
    predicted: Kind = "disparity"
    """What --predictions hold: disparity (inverse depth up to scale), or depth."""
    paired: bool = False
    """Compare two models on the same images, with an interval of the difference."""
    split: Literal["train", "val", "test"] = "test"
    """Which drives of a rendered set or of Cityscapes."""
    drives: tuple[str, ...] = ("*",)
    """Glob patterns of the drives to evaluate on."""
    all_frames: bool = False
    """Take every frame with true depth, whatever frames the benchmark is published for."""
    partial: bool = False
    """Go without those of the benchmark's frames that are not there."""
    limit: int | None = None
    """Evaluate on this many frames, evenly spaced."""
    truth: Truth | None = None
    """True depth of KITTI raw: lidar as published, lidar-z along the camera's axis, improved; default: the benchmark's.
    """
    improved: Path | None = None
    """Folder of KITTI's improved depth maps, which holds train and val."""
    truth_file: Path | None = None
    """True depth from this file instead (gt_depths.npz), a map an image in the benchmark's order."""
    out: Path | None = None
    """Folder for the report; `report` under the run or beside the model if left out."""
    json: Path | None = None
    """Write the metrics to this file, too."""
    mean_map: Path | None = None
    """Data whose true depth makes the mean maps, of which the table shows the strongest; default: the training split,
    else all other test frames."""
    factor: float | None = None
    """Also score depth multiplied by this factor; for the server, metres in a unit of the model's depth."""
    size: tuple[int, int] | None = None
    """Height and width at which the network runs; its own if left out."""
    post_process: bool = False
    """Average with the mirrored image's prediction."""
    device: str | None = None
    """`cpu`, `cuda`, ...; the GPU if there is one when left out."""

    def __call__(self) -> None:
        """Evaluate, print the table, write the report."""
        check_options(self)
        if self.benchmark == "odometry":
            self._score_trajectories()
        elif self.benchmark in BENCHMARKS:
            self._score_depth(BENCHMARKS[self.benchmark])
        else:
            self._write_upload()

    def _score_depth(self, benchmark: Benchmark) -> None:
        with sharing(self.device) as (ranks, device):
            self._score_shared(benchmark, ranks, device)

    def _score_shared(self, benchmark: Benchmark, ranks: Ranks, device: str | None) -> None:
        ranks.first(self._require_free)
        models = [DepthPredictor.load(name, device, self.size, self.post_process) for name in self.model]
        samples, frames, order = judged_samples(self, benchmark)
        if ranks.leads:
            _say_other_lenses(models, frames)
        judged = [(name, model.judged) for name, model in zip(self.model, models, strict=True)]
        if self.predictions:
            maps = ExternalMaps(self.predictions, samples.names, order, "predictions", self.predicted)
            judged = [(str(self.predictions), lambda sample: inverse_depth_from(maps, self.predicted, sample.name))]
        means = mean_map_baselines(self, samples, benchmark)
        score = partial(
            evaluate_predictions,
            protocol=benchmark.protocol,
            baselines={"constant depth": constant_depth, **means.predict},
            metric_baselines=means.in_metres,
            factor=self.factor,
            ranks=ranks,
        )
        reports = []
        for position, (name, predict) in enumerate(judged):
            found = score(predict, samples.part(ranks.share(len(frames))))
            if not ranks.leads:
                continue
            about = self._about(name, models[position : position + 1], frames)
            report = dataclasses.replace(found, about=about, mean_maps=means.averaged)
            folder = self._folder(name, position)
            paths = [*report.write(folder), folder / _SHEET]
            write_picture_sheet(
                paths[-1], notable_rows(report, samples, predict, benchmark.protocol), benchmark.protocol
            )
            print_report(Console(), report, paths)
            if self.predictions and is_upside_down(samples.names, samples.__getitem__, predict, benchmark.protocol):
                other = "depth" if self.predicted == "disparity" else "disparity"
                warn(f"What is near in truth is far in these predictions: are they {other}? Give --predicted {other}.")
            reports.append(report)
        if self.paired and reports:
            self._compare(reports)
        elif self.json and reports:
            write_text(self.json, reports[0].to_json() + "\n")

    def _score_trajectories(self) -> None:
        if len(self.model) != 1:
            raise InputError("evaluate: give one model to score its trajectories")
        Odometry(
            self.data,
            self.model[0],
            drives=self.drives,
            split=self.split,
            out=self.out or Odometry.out,
            json=self.json,
            device=self.device,
        )()

    def _write_upload(self) -> None:
        if len(self.model) != 1 or self.out is None:
            raise InputError("kitti_benchmark_server: give one model and --out FOLDER")
        predictor = DepthPredictor.load(self.model[0], self.device, self.size, self.post_process)
        Upload(predictor, self.data, self.out, self.factor)()

    @property
    def truth_kind(self) -> Truth:
        """Of KITTI raw: what was asked for, else the benchmark's."""
        return self.truth or (BENCHMARKS[self.benchmark].truth if self.benchmark in BENCHMARKS else "lidar")

    def _folder(self, name: str, position: int) -> Path:
        if self.paired:
            return self._paired_file().parent / "ab"[position]
        return self.out or (Path(name) if Path(name).is_dir() else Path()) / "report"

    def _paired_file(self) -> Path:
        return (self.out or Path("runs/paired")) / _PAIRED

    def _require_free(self) -> None:
        """Refuse to replace files that are of no report."""
        for position, name in enumerate(self.model or (str(self.predictions),)):
            folder = self._folder(name, position)
            if not _is_scored(folder / METRICS_FILE):
                refuse_existing(folder / file for file in (*REPORT_FILES, _SHEET))
        paired = self._paired_file()
        if self.paired and not _is_scored(paired):
            refuse_existing([paired])

    def _compare(self, reports: list[Report]) -> None:
        comparison = compare(*reports)
        write_text(self._paired_file(), comparison.to_json() + "\n")
        if self.json:
            write_text(self.json, comparison.to_json() + "\n")
        print_paired(Console(), comparison, self.model, self._paired_file())

    def _about(self, name: str, models: list[DepthPredictor], frames: Frames) -> dict[str, object]:
        """What the report says besides its scores; `models` holds the one scored, if it was one."""
        drives = dict.fromkeys(drive.name for drive, _ in frames)
        raw = any(isinstance(drive, KittiDrive) for drive, _ in frames)
        about: dict[str, object] = {
            "model": name,
            "data": str(self.data),
            "split": self.split,
            "drives": list(self.drives),
            "truth": str(self.truth_file) if self.truth_file else self.truth_kind if raw else None,
            "limit": self.limit,
            "factor": self.factor,
            "all_frames": self.all_frames,
            "published_images": None if self.all_frames else BENCHMARKS[self.benchmark].images,
        }
        for predictor in models:
            card = predictor.model.card
            about |= {"size": list(predictor.size), "post_process": self.post_process, "metric": card.metric}
            about["evaluated_drives_trained_on"] = shared_recordings(drives, card.training_drives)
        return about if models else about | {"predicted": self.predicted}


def _say_other_lenses(models: list[DepthPredictor], frames: Frames) -> None:
    cameras = cameras_of(dict.fromkeys(drive for drive, _ in frames))
    lines = [other_lens(predictor.model.card, camera) for predictor in models for camera in cameras]
    for line in dict.fromkeys(filter(None, lines)):
        warn(line)


def _is_scored(path: Path) -> bool:
    """Whether a file holds scores of an evaluation."""
    try:
        content = read_json(path)
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and "protocol" in content
