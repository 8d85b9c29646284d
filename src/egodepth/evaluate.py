"""`egodepth evaluate MODEL --benchmark NAME --data DIR`: a model's numbers, beside what they must beat."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.console import Console
from tyro.conf import Positional

from egodepth.data.drive import Drive
from egodepth.data.kitti.raw import Truth
from egodepth.data.kitti.test_sets import recording_of
from egodepth.data.opening import depth_frames, open_drives
from egodepth.data.types import DepthSample
from egodepth.errors import InputError
from egodepth.evaluation.baselines import MeanDepthMap, constant_depth
from egodepth.evaluation.benchmarks import BENCHMARKS, Benchmark, Frames, benchmark_frames, thinned
from egodepth.evaluation.evaluator import Predict, aligned_depth, evaluate_predictions
from egodepth.evaluation.external import ExternalMaps, Kind, inverse_depth_from
from egodepth.evaluation.paired import compare
from egodepth.evaluation.pictures import SheetRow, notable_images, write_picture_sheet
from egodepth.evaluation.printing import print_paired, print_report
from egodepth.evaluation.report import Report
from egodepth.evaluation.samples import FrameSamples, true_depths
from egodepth.files import write_text
from egodepth.odometry import Odometry
from egodepth.predictor import DepthPredictor
from egodepth.upload import Upload

MEAN_MAP_FRAMES = 200
"""How many true depth maps the mean depth map is made of, at most."""


@dataclass(frozen=True)
class Evaluate:
    """Score a model: seven metrics under every alignment, with intervals, baselines, parts of the image, pictures.

    Predictions made elsewhere are scored without a model (--predictions), two models against each other image by
    image with --paired.
    """

    benchmark: Literal["synthetic", "kitti_2015", "eigen", "eigen_benchmark", "odometry", "kitti_benchmark_server"]
    """Which frames and pixels count; `odometry` scores trajectories (see egodepth odometry),
    `kitti_benchmark_server` writes the folder to upload (--out)."""
    data: Path
    """The data set: a rendered set, KITTI 2015 stereo, KITTI raw, ..."""
    model: Positional[tuple[str, ...]] = ()
    """A run folder, a model folder or a hub id; two with --paired."""
    predictions: Path | None = None
    """Score these instead of a model: .npy, .npz or a folder, a map an image in the benchmark's order."""
    predicted: Kind = "disparity"
    """What --predictions hold: disparity (inverse depth up to scale), or depth."""
    paired: bool = False
    """Compare two models on the same images, with an interval of the difference."""
    split: Literal["train", "val", "test"] = "test"
    """Which drives of a rendered set."""
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
    """Data whose true depth makes the mean-map baseline; default: the training split, else all other test frames."""
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
        if self.factor is not None and not 0 < self.factor < float("inf"):
            raise InputError(f"--factor {self.factor:g}: must be positive and finite")
        if self.benchmark == "odometry":
            self._score_trajectories()
            return
        if self.benchmark == "kitti_benchmark_server":
            self._write_upload()
            return
        self._check()
        benchmark = BENCHMARKS[self.benchmark]
        frames = self._frames(benchmark)
        samples = FrameSamples(frames, "Evaluating", self.truth_file)
        baselines = {"constant depth": constant_depth, **self._mean_map_baseline(samples, benchmark)}
        judged = [(name, self._predictor(name, samples)) for name in self.model or (str(self.predictions),)]
        reports = []
        for position, (name, predict) in enumerate(judged):
            report = evaluate_predictions(predict, samples, benchmark.protocol, baselines=baselines, factor=self.factor)
            report = dataclasses.replace(report, about=self._about(name, predict, frames))
            folder = self._folder(name, position)
            paths = [*report.write(folder), folder / "sheet.png"]
            write_picture_sheet(paths[-1], _notable_rows(report, samples, predict, benchmark), benchmark.protocol)
            print_report(Console(), report, paths)
            reports.append(report)
        if self.paired:
            self._compare(reports)
        elif self.json:
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

    def _check(self) -> None:
        if self.limit is not None and self.limit < 1:
            raise InputError(f"--limit {self.limit}: evaluate on at least one frame")
        if bool(self.model) == bool(self.predictions):
            raise InputError("evaluate: give either a model or --predictions FILE")
        if self.paired and self.predictions:
            raise InputError("--paired compares two models; score --predictions without it")
        if len(self.model) != 1 + self.paired and self.model:
            wanted = "two models with --paired" if self.paired else "one model, or two with --paired"
            raise InputError(f"evaluate: {len(self.model)} models given; give {wanted}")

    def _frames(self, benchmark: Benchmark) -> Frames:
        truth = self.truth or benchmark.truth
        if truth == "improved" and self.improved is None and self.truth_file is None:
            raise InputError(
                f"{benchmark.name}: give --improved DIR, KITTI's improved depth maps (the folder with train and val), "
                "or another --truth"
            )
        own = "lidar" if self.truth_file else truth  # with a file no frame needs a truth of its own
        drives = open_drives(self.data, self.split, own, self.improved)
        if self.all_frames:
            benchmark = dataclasses.replace(benchmark, lines=())
        frames = benchmark_frames(
            benchmark, drives, self.drives, self.partial, self.data, needs_depth=self.truth_file is None
        )
        if not frames:
            raise InputError(f"{self.data}: no frame has true depth to compare with; give a data set that has it")
        return thinned(frames, self.limit)

    def _predictor(self, name: str, samples: FrameSamples) -> Predict:
        if self.predictions is None:
            return DepthPredictor.load(name, self.device, self.size, self.post_process).judged
        maps = ExternalMaps(self.predictions, samples.names, "predictions")
        return lambda sample: inverse_depth_from(maps, self.predicted, sample.name)

    def _folder(self, name: str, position: int) -> Path:
        if self.paired:
            return (self.out or Path("runs/paired")) / "ab"[position]
        return self.out or (Path(name) if Path(name).is_dir() else Path()) / "report"

    def _compare(self, reports: list[Report]) -> None:
        comparison = compare(*reports)
        folder = self.out or Path("runs/paired")
        write_text(folder / "paired.json", comparison.to_json() + "\n")
        if self.json:
            write_text(self.json, comparison.to_json() + "\n")
        print_paired(Console(), comparison, self.model, folder / "paired.json")

    def _mean_map_baseline(self, samples: FrameSamples, benchmark: Benchmark) -> dict[str, Predict]:
        """The mean-depth-map baseline by its name, which says what the map is made of."""
        protocol = benchmark.protocol
        if self.mean_map:
            others, label = open_drives(self.mean_map, "train"), self.mean_map.name
        else:
            others, label = self._training_split(), "train split"
        training = depth_frames(others, MEAN_MAP_FRAMES)
        if training:
            inverse_depth = MeanDepthMap.of(true_depths(training), protocol).inverse_depth()
            return {f"mean map ({label})": lambda sample: inverse_depth}
        if self.mean_map:
            raise InputError(f"{self.mean_map}: no frame has true depth; give another data set or leave --mean-map out")
        whole = MeanDepthMap.of(samples.depths(), protocol)
        return {"mean map (leave-1-out)": lambda sample: whole.without(sample.depth, protocol).inverse_depth()}

    def _training_split(self) -> list[Drive]:
        """The training drives of a data set that has splits; none where every split is all there is."""
        training, evaluated = open_drives(self.data, "train"), open_drives(self.data, self.split)
        return [] if {d.name for d in training} == {d.name for d in evaluated} else training

    def _about(self, name: str, predict: Predict, frames: Frames) -> dict[str, object]:
        about: dict[str, object] = {
            "model": name,
            "data": str(self.data),
            "split": self.split,
            "drives": list(self.drives),
            "published_frames": None if self.all_frames else len(BENCHMARKS[self.benchmark].lines) or None,
        }
        predictor = getattr(predict, "__self__", None)
        if isinstance(predictor, DepthPredictor):
            card = predictor.model.card
            trained_on = {recording_of(drive) for drive in card.training_drives}
            seen = sorted({recording_of(drive.name) for drive, _ in frames} & trained_on)
            about |= {"size": list(predictor.size), "post_process": self.post_process, "metric": card.metric}
            about["evaluated_drives_trained_on"] = seen
        return about


def _notable_rows(
    report: Report, samples: FrameSamples, predict: Callable[[DepthSample], object], benchmark: Benchmark
) -> list[SheetRow]:
    """The best, median and worst image, predicted again for the picture sheet."""
    rows = []
    for name, title in notable_images(report).items():
        sample = samples[name]
        depth = aligned_depth(sample, predict(sample), benchmark.protocol)  # pyright: ignore[reportArgumentType]
        rows.append(SheetRow(title, sample.image, depth, sample.depth))
    return rows
