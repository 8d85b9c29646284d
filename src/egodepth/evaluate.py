"""`egodepth evaluate MODEL --benchmark NAME --data DIR`: a model's numbers, beside what they must beat."""

import dataclasses
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from rich.console import Console
from tyro.conf import Positional

from egodepth.data.drive import sample_name
from egodepth.data.kitti.raw import KittiDrive, Truth
from egodepth.data.kitti.test_sets import shared_recordings
from egodepth.data.opening import depth_frames, has_split, open_drives, thinned
from egodepth.errors import InputError
from egodepth.evaluation.baselines import MEAN_MAP_FRAMES, constant_depth, mean_map_of, mean_map_of_others
from egodepth.evaluation.benchmarks import BENCHMARKS, Benchmark, Frames, benchmark_frames, published_order
from egodepth.evaluation.evaluator import Predict, evaluate_predictions
from egodepth.evaluation.external import ExternalMaps, Kind, inverse_depth_from
from egodepth.evaluation.paired import compare
from egodepth.evaluation.pictures import notable_rows, write_picture_sheet
from egodepth.evaluation.printing import print_paired, print_report
from egodepth.evaluation.report import Report
from egodepth.evaluation.samples import FrameSamples, true_depths
from egodepth.files import write_text
from egodepth.odometry import Odometry
from egodepth.predictor import DepthPredictor
from egodepth.upload import Upload

_MEANT = {
    "odometry": {"data", "model", "split", "drives", "out", "json", "device"},
    "kitti_benchmark_server": {"data", "model", "out", "factor", "size", "post_process", "device"},
}
"""The options of those benchmarks that do not score depth."""


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
        depth = self.benchmark in BENCHMARKS
        if depth:
            self._check()
        self._refuse_idle_options()
        if self.factor is not None and not 0 < self.factor < float("inf"):
            raise InputError(f"--factor {self.factor:g}: must be positive and finite")
        if self.benchmark == "odometry":
            self._score_trajectories()
        elif depth:
            self._score_depth(BENCHMARKS[self.benchmark])
        else:
            self._write_upload()

    def _score_depth(self, benchmark: Benchmark) -> None:
        models = [DepthPredictor.load(name, self.device, self.size, self.post_process) for name in self.model]
        samples, frames, order = self._samples(benchmark)
        judged = [(name, model.judged) for name, model in zip(self.model, models, strict=True)]
        if self.predictions:
            maps = ExternalMaps(self.predictions, samples.names, order, "predictions")
            judged = [(str(self.predictions), lambda sample: inverse_depth_from(maps, self.predicted, sample.name))]
        mean_map = self._mean_map_baseline(samples, benchmark)
        score = partial(
            evaluate_predictions,
            samples=samples,
            protocol=benchmark.protocol,
            baselines={"constant depth": constant_depth, **mean_map},
            metric_baselines=tuple(mean_map),
            factor=self.factor,
        )
        reports = []
        for position, (name, predict) in enumerate(judged):
            report = dataclasses.replace(
                score(predict), about=self._about(name, models[position : position + 1], frames)
            )
            folder = self._folder(name, position)
            paths = [*report.write(folder), folder / "sheet.png"]
            write_picture_sheet(
                paths[-1], notable_rows(report, samples, predict, benchmark.protocol), benchmark.protocol
            )
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

    def _refuse_idle_options(self) -> None:
        """An option that would change nothing is a misunderstanding, and is said to be one."""
        given = {
            field.name
            for field in dataclasses.fields(self)
            if field.default is not dataclasses.MISSING and getattr(self, field.name) != field.default
        }
        idle = dict.fromkeys(given - _MEANT.get(self.benchmark, given), f"with --benchmark {self.benchmark}")
        published = BENCHMARKS[self.benchmark].lines if self.benchmark in BENCHMARKS else ()
        conditions = {
            "improved": (self._truth == "improved", "without --truth improved"),
            "truth": (self.truth_file is None, "with --truth-file"),
            "predicted": (self.predictions is not None, "without --predictions"),
            **dict.fromkeys(("size", "post_process", "device"), (not self.predictions, "with --predictions")),
            **{name: (bool(published), "without a published list of frames") for name in ("partial", "all_frames")},
        }
        idle |= {name: reason for name, (meant, reason) in conditions.items() if name in given and not meant}
        if idle:
            name, reason = sorted(idle.items())[0]
            raise InputError(f"--{name.replace('_', '-')} changes nothing {reason}; leave it out")

    @property
    def _truth(self) -> Truth:
        return self.truth or (BENCHMARKS[self.benchmark].truth if self.benchmark in BENCHMARKS else "lidar")

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
        if self._truth == "improved" and self.improved is None and self.truth_file is None:
            raise InputError(
                f"{self.benchmark}: give --improved DIR, KITTI's improved depth maps (the folder with train and val), "
                "or another --truth"
            )

    def _samples(self, benchmark: Benchmark) -> tuple[FrameSamples, Frames, list[str]]:
        """The samples to score on, their frames, and the names of all that the benchmark has, in order."""
        own = "lidar" if self.truth_file else self._truth  # with a file no frame needs a truth of its own
        drives = open_drives(self.data, self.split, own, self.improved)
        if self.truth and not any(isinstance(drive, KittiDrive) for drive in drives):
            raise InputError(
                f"--truth {self.truth}: a choice for KITTI raw, and {self.data} is other data; leave it out"
            )
        if self.all_frames:
            benchmark = dataclasses.replace(benchmark, lines=())
        frames = benchmark_frames(
            benchmark, drives, self.drives, self.partial, self.data, needs_depth=self.truth_file is None
        )
        if not frames:
            raise InputError(f"{self.data}: no frame has true depth to compare with; give a data set that has it")
        frames = thinned(frames, self.limit)
        order = published_order(benchmark, drives, self.data) if self.truth_file or self.predictions else []
        return FrameSamples(frames, "Evaluating", self.truth_file, order), frames, order

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
        """The mean-depth-map baseline by its name, which says what the map is made of: no frame it is judged on."""
        protocol, source = benchmark.protocol, self.mean_map or self.data
        others: Frames = []
        if self.mean_map or (self.split != "train" and has_split(source, "train")):
            others = depth_frames(open_drives(source, "train", self._truth, self.improved))
            # Of two sets that have splits, only the names are the same.
            if not has_split(source, "train") or source.resolve() == self.data.resolve():
                judged = set(samples.names)
                others = [(drive, frame) for drive, frame in others if sample_name(drive, frame) not in judged]
        if others:
            label = self.mean_map.name if self.mean_map else "train"
            return {f"mean map ({label})": mean_map_of(true_depths(thinned(others, MEAN_MAP_FRAMES)), protocol)}
        if self.mean_map:
            raise InputError(
                f"{self.mean_map}: no frame has true depth, apart from those evaluated on; give another data set or "
                "leave --mean-map out"
            )
        return {"mean map (leave-1-out)": mean_map_of_others(samples.depths(), protocol)}

    def _about(self, name: str, models: list[DepthPredictor], frames: Frames) -> dict[str, object]:
        """What the report says besides its scores; `models` holds the one scored, if it was one."""
        drives = dict.fromkeys(drive.name for drive, _ in frames)
        raw = any(isinstance(drive, KittiDrive) for drive, _ in frames)
        about: dict[str, object] = {
            "model": name,
            "data": str(self.data),
            "split": self.split,
            "drives": list(self.drives),
            "truth": str(self.truth_file) if self.truth_file else self._truth if raw else None,
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
