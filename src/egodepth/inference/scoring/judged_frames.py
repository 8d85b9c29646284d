"""The frames of an evaluation, and the baselines from other frames."""

import dataclasses
from typing import NamedTuple

from egodepth.data.drive import sample_name
from egodepth.data.opening import depth_frames, has_split, open_drives, thinned
from egodepth.evaluation.baselines import IN_METRES, MEAN_MAP_FRAMES, MEAN_MAPS, everywhere, leaving_one_out, mean_maps
from egodepth.evaluation.benchmark_frames import Frames, benchmark_frames, published_order
from egodepth.evaluation.benchmarks import Benchmark
from egodepth.evaluation.evaluator import Predict
from egodepth.evaluation.samples import FrameSamples, true_depths
from egodepth.foundation.errors import InputError
from egodepth.inference.scoring.option_checks import truth_kind
from egodepth.inference.scoring.options import EvaluateOptions


def judged_samples(options: EvaluateOptions, benchmark: Benchmark) -> tuple[FrameSamples, Frames, list[str]]:
    """Return the samples to score, their frames, and the names of all samples of the benchmark, in order."""
    own = "lidar" if options.truth_file else truth_kind(options)  # with a file, frames need no truth of their own
    drives = open_drives(options.data, options.split, own, options.improved)
    if options.truth and not any(drive.truths for drive in drives):
        raise InputError(
            f"--truth {options.truth}: a choice for KITTI raw, and {options.data} is other data; leave it out"
        )
    if options.all_frames:
        benchmark = dataclasses.replace(benchmark, frames=tuple)
    frames = benchmark_frames(
        benchmark, drives, options.drives, options.partial, options.data, needs_depth=options.truth_file is None
    )
    if not frames:
        raise InputError(f"{options.data}: no frame has true depth to compare with; give a data set that has it")
    frames = thinned(frames, options.limit)
    order = published_order(benchmark, drives, options.data) if options.truth_file or options.predictions else []
    return FrameSamples(frames, "Evaluating", options.truth_file, order), frames, order


class MeanMaps(NamedTuple):
    """The mean-map baselines. A name states the frames behind the map, which exclude those that it is scored on."""

    predict: dict[str, Predict]
    """Baselines by name."""
    in_metres: list[str]
    """Names of the baselines in metres."""
    averaged: dict[str, str]
    """Quantity that each baseline averages, by name."""


def mean_map_baselines(options: EvaluateOptions, samples: FrameSamples, benchmark: Benchmark) -> MeanMaps:
    """Return all three mean maps, because which one is the strongest varies."""
    protocol, source = benchmark.protocol, options.mean_map or options.data
    others: Frames = []
    if options.mean_map or (options.split != "train" and has_split(source, "train")):
        others = depth_frames(open_drives(source, "train", truth_kind(options), options.improved))
        # For two different data sets with splits, equal names do not mean equal frames.
        if not has_split(source, "train") or source.resolve() == options.data.resolve():
            judged = set(samples.names)
            others = [(drive, frame) for drive, frame in others if sample_name(drive, frame) not in judged]
    if others:
        label = options.mean_map.name if options.mean_map else "train"
        found = mean_maps(true_depths(thinned(others, MEAN_MAP_FRAMES)), protocol)
        return _named({name: everywhere(mean) for name, mean in found.items()}, label)
    if options.mean_map:
        raise InputError(
            f"{options.mean_map}: no frame has true depth, except for those evaluated on; give another data set or "
            "leave --mean-map out"
        )
    found = mean_maps(samples.depths(), protocol)
    return _named({name: leaving_one_out(mean, protocol) for name, mean in found.items()}, "leave-1-out")


def _named(baselines: dict[str, Predict], label: str) -> MeanMaps:
    """Return the baselines with their names in the table."""
    names = {name: f"{name} ({label})" for name in baselines}
    return MeanMaps(
        {names[name]: predict for name, predict in baselines.items()},
        [names[name] for name in IN_METRES],
        {names[name]: MEAN_MAPS[name] for name in baselines},
    )
