"""`egodepth export MODEL --out DIR`: a model as ONNX, OpenVINO or torch program, checked before it is written."""

import dataclasses
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, UInt8
from rich.console import Console
from tyro.conf import Positional

from egodepth.data.drive import Drive
from egodepth.data.images import read_rgb
from egodepth.data.opening import open_drives, thinned
from egodepth.errors import InputError
from egodepth.evaluation.benchmarks import BENCHMARKS, benchmark_frames
from egodepth.evaluation.evaluator import evaluate_predictions
from egodepth.evaluation.samples import FrameSamples
from egodepth.exported import DepthGraph, ExportCard, ExportedModel, not_of_an_export
from egodepth.exported.card import Accuracy, Check, Kind, Precision, hashed
from egodepth.exported.formats import write_onnx, write_openvino, write_torch
from egodepth.exported.parity import compared, noise, passes, resized_noise, tolerance
from egodepth.exported.quantise import quantise
from egodepth.exported.runtime import Run, open_file
from egodepth.files import not_written, write_text
from egodepth.predictor import DepthPredictor
from egodepth.weights import DepthModel, load_model, replace_folder

_CHECKED_FRAMES = 16
"""Of those that an int8 model is calibrated on, those that its parity is measured on."""


@dataclass(frozen=True)
class Export:
    """Write a model for other runtimes: 8-bit images in, depth at their own size out, everything between inside.

    Resizing, normalisation, network and disparity to depth are one graph; batch and image size are dynamic. Its depth
    is compared with the predictor's first, and where it differs nothing is written. The folder is a model to every
    other command: predict, evaluate and DepthPredictor.load run it.
    """

    model: Positional[str]
    """A run folder, a model folder or a hub id."""
    out: Path
    """Folder to write: the model and config.json, which says what was checked."""
    format: Kind = "onnx"
    """onnx and openvino: for those runtimes. torch: model.pt2 for programs without egodepth (opening one executes what
    is in it: take none from strangers), beside the weights as safetensors."""
    precision: Precision = "float32"
    """What it computes in: float32, or (openvino) bfloat16, for CPUs with units for it, or int8."""
    calibrate: Path | None = None
    """For int8: data whose training frames show which values occur."""
    calibration_frames: int = 200
    """How many of those frames, evenly spaced."""
    images: tuple[Path, ...] = ()
    """Images to compare on, besides random ones."""
    evaluate: Path | None = None
    """Data to measure the loss of accuracy on, with --benchmark."""
    benchmark: Literal["synthetic", "kitti_2015", "eigen", "make3d", "cityscapes"] = "synthetic"
    """Which frames and pixels of it count; of those that are there, all."""
    limit: int | None = None
    """Evaluate on this many frames, evenly spaced."""
    size: tuple[int, int] | None = None
    """Height and width at which the network runs; its own if left out. Images may have any size."""
    json: Path | None = None
    """Write config.json to this file, too."""

    def __call__(self) -> None:
        """Export, check, evaluate, and put the folder in its place."""
        self._check()
        model = _depth_alone(load_model(self.model))
        predictor = DepthPredictor(model, self.size)
        frames = self._calibration_frames()
        console = Console()
        with _replacing(self.out) as folder:
            run = self._write(DepthGraph(model, predictor.size), model, folder, frames)
            checks = self._checks(predictor, run, frames)
            for check in checks:
                self._judge(check, console)
            accuracy = self._accuracy(predictor, run)
            for score in accuracy:
                _say(
                    console,
                    f"abs_rel ({score.benchmark}, {score.alignment}, {score.images} images): {score.before:.4f} "
                    f"before, {score.after:.4f} after ({score.loss:+.2%})",
                )
            card = ExportCard(
                kind=self.format,
                precision=self.precision,
                model=dataclasses.replace(model.card, size=predictor.size),
                files=tuple(hashed(path) for path in sorted(folder.iterdir())),
                checks=checks,
                accuracy=accuracy,
            )
            card.write(folder)
        if self.json:
            write_text(self.json, json.dumps(dataclasses.asdict(card), indent=2) + "\n")
        megabytes = sum((self.out / file.name).stat().st_size for file in card.files) / 1e6
        size = f"{predictor.size[1]}x{predictor.size[0]}"
        _say(console, f"{self.out}: {self.format}, {self.precision}, {size}, {megabytes:.0f} MB")

    def _check(self) -> None:
        if self.precision != "float32" and self.format != "openvino":
            raise InputError(f"--precision {self.precision} is for --format openvino")
        if (self.precision == "int8") != (self.calibrate is not None):
            raise InputError("--precision int8 needs --calibrate DATA, and nothing else does")
        if self.calibration_frames < 1 or (self.limit is not None and self.limit < 1):
            raise InputError("--calibration-frames and --limit are at least 1")
        if self.out.exists() and not self.out.is_dir():
            raise InputError(f"{self.out}: is a file; name a folder")
        if self.out.is_dir() and (others := not_of_an_export(self.out)):
            raise InputError(
                f"{self.out}: holds {others[0]}, which no export has put there; move it, or choose another --out"
            )

    def _calibration_frames(self) -> list[tuple[Drive, int]]:
        if self.calibrate is None:
            return []
        frames = [(drive, frame) for drive in open_drives(self.calibrate, "train") for frame in drive.frames]
        return thinned(frames, self.calibration_frames)

    def _write(self, graph: DepthGraph, model: DepthModel, folder: Path, frames: list[tuple[Drive, int]]) -> Run:
        """Write the files; returns what runs them."""
        if self.format == "torch":
            return _program(write_torch(graph, model, folder))
        file = write_onnx(graph, folder) if self.format == "onnx" else write_openvino(graph, folder)
        if self.precision == "int8":
            quantise(file, frames, _read)
        return open_file(file, self.format, self.precision)

    def _checks(self, predictor: DepthPredictor, run: Run, frames: list[tuple[Drive, int]]) -> tuple[Check, ...]:
        def expected(images: UInt8[np.ndarray, "b h w 3"]) -> Float[np.ndarray, "b h w"]:
            return predictor(torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255).depth.numpy()

        size = predictor.size
        given: dict[str, Iterable[UInt8[np.ndarray, "b h w 3"]]] = {"noise": [noise(size)]}
        given["resized noise"] = resized_noise(size)
        if self.precision == "int8":  # noise is none of what it was calibrated for
            images = (_read(frame)[None] for frame in thinned(frames, _CHECKED_FRAMES))
            given = {"calibration frames": images}
        if self.images:
            given["given images"] = (read_rgb(path)[None] for path in self.images)
        return tuple(compared(on, batches, size, expected, run) for on, batches in given.items())

    def _judge(self, check: Check, console: Console) -> None:
        measure, most = tolerance(check, self.precision)
        found = f"depth on {check.on} ({check.images} images) differs by at most {check.largest:.2g}, {check.mean:.2g}"
        if not passes(check, self.precision):
            raise InputError(f"{found} on average; for {self.precision} the {measure} may be {most:g}: nothing written")
        _say(console, f"{found} on average, relative")

    def _accuracy(self, predictor: DepthPredictor, run: Run) -> tuple[Accuracy, ...]:
        """abs_rel of the model and of what was exported, as they are and aligned by each image's median."""
        if self.evaluate is None:
            return ()
        benchmark = BENCHMARKS[self.benchmark]
        drives = open_drives(self.evaluate, "test", benchmark.truth)
        frames = thinned(benchmark_frames(benchmark, drives, ("*",), True, self.evaluate), self.limit)
        if not frames:
            raise InputError(f"{self.evaluate}: no frame has true depth; give a data set that has it")

        card = dataclasses.replace(predictor.model.card, size=predictor.size)
        exported = DepthPredictor(ExportedModel(card, run))
        before, after = (
            evaluate_predictions(one.judged, FrameSamples(frames, f"Evaluating ({name})"), benchmark.protocol)
            for name, one in (("before", predictor), ("after", exported))
        )
        return tuple(
            Accuracy(
                benchmark=benchmark.name,
                alignment=alignment,
                images=len(before.ranked),
                before=before.mean(alignment)["abs_rel"],
                after=after.mean(alignment)["abs_rel"],
            )
            for alignment in ("none", "median")
        )


def _depth_alone(model: DepthModel) -> DepthModel:
    """A model without its pose network, which is not exported."""
    return DepthModel(dataclasses.replace(model.card, has_pose_net=False), model.depth_net)


def _read(frame: tuple[Drive, int]) -> UInt8[np.ndarray, "h w 3"]:
    drive, number = frame
    return drive.read_image(number)


def _program(path: Path) -> Run:
    """What runs a torch program that was written just now."""
    program = torch.export.load(path).module()

    def run(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        with torch.no_grad():
            depth, inverse_depth = program(torch.from_numpy(images))
        return depth.numpy(), inverse_depth.numpy()

    return run


def _say(console: Console, line: str) -> None:
    console.print(line, soft_wrap=True, highlight=False)


@contextmanager
def _replacing(out: Path) -> Iterator[Path]:
    """A folder beside `out`, which takes its place, all of it, at the end, or vanishes on an exception."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as temporary:
            folder = Path(temporary) / "export"
            folder.mkdir()
            yield folder
            replace_folder(folder, out)
    except OSError as error:
        raise not_written(out, error) from error
