"""Score models, or maps from other programs, on a benchmark: reports, pictures and comparisons."""

import dataclasses
from functools import partial
from pathlib import Path
from typing import NamedTuple

from egodepth.data.guard import shared_recordings
from egodepth.evaluation.baselines import constant_depth
from egodepth.evaluation.benchmark_frames import Frames
from egodepth.evaluation.benchmarks import BENCHMARKS
from egodepth.evaluation.evaluator import evaluate_predictions
from egodepth.evaluation.external import ExternalMaps, inverse_depth_from, is_upside_down
from egodepth.evaluation.paired import PairedComparison, compare
from egodepth.evaluation.pictures import notable_rows, write_picture_sheet
from egodepth.evaluation.report import METRICS_FILE, REPORT_FILES, Report
from egodepth.foundation.files import refuse_existing, write_text
from egodepth.foundation.progress import warn
from egodepth.foundation.ranks import Ranks, sharing
from egodepth.foundation.reading import json_object
from egodepth.inference.predictor import DepthPredictor
from egodepth.inference.scoring.judged_frames import judged_samples, mean_map_baselines
from egodepth.inference.scoring.option_checks import check_options, truth_kind
from egodepth.inference.scoring.options import EvaluateOptions
from egodepth.weights import cameras_of, other_lens

_SHEET, _PAIRED = "sheet.png", "paired.json"


class Scored(NamedTuple):
    """Result of one model, or of one collection of maps."""

    report: Report
    files: list[Path]
    upside_down: bool
    """Whether maps from other programs seem to be depth instead of disparity, or vice versa."""


class Evaluation(NamedTuple):
    """Result of an evaluation; empty in processes other than the first."""

    scored: list[Scored]
    comparison: PairedComparison | None
    """Comparison of two models, if requested."""
    comparison_file: Path


def evaluate(options: EvaluateOptions) -> Evaluation:
    """Score on a benchmark of depth, and write the reports.

    Raises:
        InputError: no such model or data, missing frames, or files in the folder that do not belong to a report.
    """
    check_options(options)
    with sharing(options.device) as (ranks, device):
        scored = _scored(options, ranks, device)
    comparison = compare(*(one.report for one in scored)) if options.paired and scored else None
    if comparison:
        write_text(_paired_file(options), comparison.to_json() + "\n")
    return Evaluation(scored, comparison, _paired_file(options))


def _scored(options: EvaluateOptions, ranks: Ranks, device: str | None) -> list[Scored]:
    benchmark = BENCHMARKS[options.benchmark]
    ranks.first(lambda: _require_free(options))
    models = [DepthPredictor.load(name, device, options.size, options.post_process) for name in options.model]
    samples, frames, order = judged_samples(options, benchmark)
    if ranks.leads:
        _say_other_lenses(models, frames)
    judged = [(name, model.judged) for name, model in zip(options.model, models, strict=True)]
    if options.predictions:
        maps = ExternalMaps(options.predictions, samples.names, order, "predictions", options.predicted)
        judged = [(str(options.predictions), lambda sample: inverse_depth_from(maps, options.predicted, sample.name))]
    means = mean_map_baselines(options, samples, benchmark)
    score = partial(
        evaluate_predictions,
        protocol=benchmark.protocol,
        baselines={"constant depth": constant_depth, **means.predict},
        metric_baselines=means.in_metres,
        factor=options.factor,
        ranks=ranks,
    )
    scored = []
    for position, (name, predict) in enumerate(judged):
        found = score(predict, samples.part(ranks.share(len(frames))))
        if not ranks.leads:
            continue
        about = _about(options, name, models[position : position + 1], frames)
        report = dataclasses.replace(found, about=about, mean_maps=means.averaged)
        folder = _folder(options, name, position)
        files = [*report.write(folder), folder / _SHEET]
        write_picture_sheet(files[-1], notable_rows(report, samples, predict, benchmark.protocol), benchmark.protocol)
        wrong = options.predictions and is_upside_down(samples.names, samples.__getitem__, predict, benchmark.protocol)
        scored.append(Scored(report, files, bool(wrong)))
    return scored


def _folder(options: EvaluateOptions, name: str, position: int) -> Path:
    if options.paired:
        return _paired_file(options).parent / "ab"[position]
    return options.out or (Path(name) if Path(name).is_dir() else Path()) / "report"


def _paired_file(options: EvaluateOptions) -> Path:
    return (options.out or Path("runs/paired")) / _PAIRED


def _require_free(options: EvaluateOptions) -> None:
    """Refuse to replace files that do not belong to a report."""
    for position, name in enumerate(options.model or (str(options.predictions),)):
        folder = _folder(options, name, position)
        if not _is_scored(folder / METRICS_FILE):
            refuse_existing(folder / file for file in (*REPORT_FILES, _SHEET))
    paired = _paired_file(options)
    if options.paired and not _is_scored(paired):
        refuse_existing([paired])


def _about(options: EvaluateOptions, name: str, models: list[DepthPredictor], frames: Frames) -> dict[str, object]:
    """Return the report's content besides its scores. `models` holds the scored model, if it is one."""
    drives = dict.fromkeys(drive.name for drive, _ in frames)
    raw = any(drive.truths for drive, _ in frames)
    about: dict[str, object] = {
        "model": name,
        "data": str(options.data),
        "split": options.split,
        "drives": list(options.drives),
        "truth": str(options.truth_file) if options.truth_file else truth_kind(options) if raw else None,
        "limit": options.limit,
        "factor": options.factor,
        "all_frames": options.all_frames,
        "published_images": None if options.all_frames else BENCHMARKS[options.benchmark].images,
    }
    for predictor in models:
        card = predictor.model.card
        about |= {"size": list(predictor.size), "post_process": options.post_process, "metric": card.metric}
        about["evaluated_drives_trained_on"] = shared_recordings(drives, card.training_drives)
    return about if models else about | {"predicted": options.predicted}


def _say_other_lenses(models: list[DepthPredictor], frames: Frames) -> None:
    cameras = cameras_of(dict.fromkeys(drive for drive, _ in frames))
    lines = [other_lens(predictor.model.card, camera) for predictor in models for camera in cameras]
    for line in dict.fromkeys(filter(None, lines)):
        warn(line)


def _is_scored(path: Path) -> bool:
    """Whether a file holds the scores of an evaluation."""
    return "protocol" in (json_object(path) or {})
