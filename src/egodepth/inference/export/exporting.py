"""Export a model to ONNX, OpenVINO or a torch program, and check it before it is written."""

import dataclasses
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from jaxtyping import Float, UInt8

from egodepth.config import ExportPrecision
from egodepth.data.drive import Drive
from egodepth.data.images import read_rgb
from egodepth.data.opening import open_drives, thinned
from egodepth.evaluation.benchmark_frames import benchmark_frames
from egodepth.evaluation.benchmarks import BENCHMARKS
from egodepth.evaluation.evaluator import evaluate_predictions
from egodepth.evaluation.samples import FrameSamples
from egodepth.foundation.errors import InputError
from egodepth.foundation.files import not_written
from egodepth.inference.export.formats import write_onnx, write_openvino, write_torch
from egodepth.inference.export.graph import DepthGraph
from egodepth.inference.export.options import ExportOptions
from egodepth.inference.export.parity import compared, noise, passes, resized_noise, tolerance
from egodepth.inference.export.quantise import quantise
from egodepth.inference.predictor import DepthPredictor
from egodepth.weights import DepthModel, load_model, replace_folder
from egodepth.weights.exported.card import Accuracy, Check, ExportCard, hashed, not_of_an_export
from egodepth.weights.exported.runtime import ExportedModel, Run, open_file

_CHECKED_FRAMES = 16
"""Number of calibration frames on which an int8 model's parity is measured."""


def export(options: ExportOptions) -> ExportCard:
    """Export the model, check and evaluate the result, and move the folder into place.

    Returns:
        The card of the export, with checks and accuracy.

    Raises:
        InputError: contradicting options, no such model or data, depth that differs too much, or a folder that holds
            something else.
    """
    _check_options(options)
    model = _depth_alone(load_model(options.model))
    predictor = DepthPredictor(model, options.size)
    frames = _calibration_frames(options)
    with _replacing(options.out) as folder:
        run = _write(options, DepthGraph(model, predictor.size), model, folder, frames)
        checks = _checks(options, predictor, run, frames)
        for check in checks:
            _judge(check, options.precision)
        card = ExportCard(
            kind=options.format,
            precision=options.precision,
            model=dataclasses.replace(model.card, size=predictor.size),
            files=tuple(hashed(path) for path in sorted(folder.iterdir())),
            checks=checks,
            accuracy=_accuracy(options, predictor, run),
        )
        card.write(folder)
    return card


def _check_options(options: ExportOptions) -> None:
    if options.precision != "float32" and options.format != "openvino":
        raise InputError(f"--precision {options.precision} is for --format openvino")
    if (options.precision == "int8") != (options.calibrate is not None):
        raise InputError("--precision int8 needs --calibrate DATA, and nothing else does")
    if options.calibration_frames < 1 or (options.limit is not None and options.limit < 1):
        raise InputError("--calibration-frames and --limit are at least 1")
    if options.out.exists() and not options.out.is_dir():
        raise InputError(f"{options.out}: is a file; name a folder")
    if options.out.is_dir() and (others := not_of_an_export(options.out)):
        raise InputError(
            f"{options.out}: holds {others[0]}, which no export has put there; move it, or choose another --out"
        )


def _calibration_frames(options: ExportOptions) -> list[tuple[Drive, int]]:
    if options.calibrate is None:
        return []
    frames = [(drive, frame) for drive in open_drives(options.calibrate, "train") for frame in drive.frames]
    return thinned(frames, options.calibration_frames)


def _write(
    options: ExportOptions, graph: DepthGraph, model: DepthModel, folder: Path, frames: list[tuple[Drive, int]]
) -> Run:
    """Write the files and return the function that runs them."""
    if options.format == "torch":
        return _program(write_torch(graph, model, folder))
    file = write_onnx(graph, folder) if options.format == "onnx" else write_openvino(graph, folder)
    if options.precision == "int8":
        quantise(file, frames, _read)
    return open_file(file, options.format, options.precision)


def _checks(
    options: ExportOptions, predictor: DepthPredictor, run: Run, frames: list[tuple[Drive, int]]
) -> tuple[Check, ...]:
    def expected(images: UInt8[np.ndarray, "b h w 3"]) -> Float[np.ndarray, "b h w"]:
        return predictor(torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255).depth.numpy()

    size = predictor.size
    given: dict[str, Iterable[UInt8[np.ndarray, "b h w 3"]]] = {"noise": [noise(size)]}
    given["resized noise"] = resized_noise(size)
    if options.precision == "int8":  # an int8 model is not calibrated for noise
        images = (_read(frame)[None] for frame in thinned(frames, _CHECKED_FRAMES))
        given = {"calibration frames": images}
    if options.images:
        given["given images"] = (read_rgb(path)[None] for path in options.images)
    return tuple(compared(on, batches, size, expected, run) for on, batches in given.items())


def _judge(check: Check, precision: ExportPrecision) -> None:
    """Refuse depth that differs too much from the model's own."""
    if not passes(check, precision):
        measure, most = tolerance(check, precision)
        raise InputError(f"{check}; for {precision} the {measure} may be {most:g}: nothing written")


def _accuracy(options: ExportOptions, predictor: DepthPredictor, run: Run) -> tuple[Accuracy, ...]:
    """Return the abs_rel of the model and of the export, without alignment and with median alignment."""
    if options.evaluate is None:
        return ()
    benchmark = BENCHMARKS[options.benchmark]
    drives = open_drives(options.evaluate, "test", benchmark.truth)
    frames = thinned(benchmark_frames(benchmark, drives, ("*",), True, options.evaluate), options.limit)
    if not frames:
        raise InputError(f"{options.evaluate}: no frame has true depth; give a data set that has it")

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
    """Return the model without its pose network, which is not exported."""
    return DepthModel(dataclasses.replace(model.card, has_pose_net=False), model.depth_net)


def _read(frame: tuple[Drive, int]) -> UInt8[np.ndarray, "h w 3"]:
    drive, number = frame
    return drive.read_image(number)


def _program(path: Path) -> Run:
    """Return a function that runs a torch program of this export."""
    program = torch.export.load(path).module()

    def run(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        with torch.no_grad():
            depth, inverse_depth = program(torch.from_numpy(images))
        return depth.numpy(), inverse_depth.numpy()

    return run


@contextmanager
def _replacing(out: Path) -> Iterator[Path]:
    """Yield a folder beside `out`. It replaces `out` at the end, or is deleted on an exception."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as temporary:
            folder = Path(temporary) / "export"
            folder.mkdir()
            yield folder
            replace_folder(folder, out)
    except OSError as error:
        raise not_written(out, error) from error
