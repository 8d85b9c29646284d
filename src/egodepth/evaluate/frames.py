"""What `egodepth evaluate` judges on, and the baseline that is made of other frames."""

import dataclasses
from typing import TYPE_CHECKING, NamedTuple

from egodepth.data.drive import sample_name
from egodepth.data.kitti.raw import KittiDrive
from egodepth.data.opening import depth_frames, has_split, open_drives, thinned
from egodepth.errors import InputError
from egodepth.evaluation.baselines import (
    IN_METRES,
    MEAN_MAP_FRAMES,
    MEAN_MAPS,
    everywhere,
    leaving_one_out,
    mean_maps,
)
from egodepth.evaluation.benchmarks import Benchmark, Frames, benchmark_frames, published_order
from egodepth.evaluation.evaluator import Predict
from egodepth.evaluation.samples import FrameSamples, true_depths

if TYPE_CHECKING:
    from egodepth.evaluate.command import Evaluate


def judged_samples(command: "Evaluate", benchmark: Benchmark) -> tuple[FrameSamples, Frames, list[str]]:
    """The samples to score on, their frames, and the names of all that the benchmark has, in order."""
    own = "lidar" if command.truth_file else command.truth_kind  # with a file no frame needs a truth of its own
    drives = open_drives(command.data, command.split, own, command.improved)
    if command.truth and not any(isinstance(drive, KittiDrive) for drive in drives):
        raise InputError(
            f"--truth {command.truth}: a choice for KITTI raw, and {command.data} is other data; leave it out"
        )
    if command.all_frames:
        benchmark = dataclasses.replace(benchmark, lines=())
    frames = benchmark_frames(
        benchmark, drives, command.drives, command.partial, command.data, needs_depth=command.truth_file is None
    )
    if not frames:
        raise InputError(f"{command.data}: no frame has true depth to compare with; give a data set that has it")
    frames = thinned(frames, command.limit)
    order = published_order(benchmark, drives, command.data) if command.truth_file or command.predictions else []
    return FrameSamples(frames, "Evaluating", command.truth_file, order), frames, order


class MeanMaps(NamedTuple):
    """The mean-map baselines; a name says what the map is made of: no frame that it is judged on."""

    predict: dict[str, Predict]
    """By name."""
    in_metres: list[str]
    """The names of those that are."""
    averaged: dict[str, str]
    """What each is the mean of."""


def mean_map_baselines(command: "Evaluate", samples: FrameSamples, benchmark: Benchmark) -> MeanMaps:
    """All three, as now one and now another is the strongest."""
    protocol, source = benchmark.protocol, command.mean_map or command.data
    others: Frames = []
    if command.mean_map or (command.split != "train" and has_split(source, "train")):
        others = depth_frames(open_drives(source, "train", command.truth_kind, command.improved))
        # Of two sets that have splits, only the names are the same.
        if not has_split(source, "train") or source.resolve() == command.data.resolve():
            judged = set(samples.names)
            others = [(drive, frame) for drive, frame in others if sample_name(drive, frame) not in judged]
    if others:
        label = command.mean_map.name if command.mean_map else "train"
        found = mean_maps(true_depths(thinned(others, MEAN_MAP_FRAMES)), protocol)
        return _named({name: everywhere(mean) for name, mean in found.items()}, label)
    if command.mean_map:
        raise InputError(
            f"{command.mean_map}: no frame has true depth, apart from those evaluated on; give another data set or "
            "leave --mean-map out"
        )
    found = mean_maps(samples.depths(), protocol)
    return _named({name: leaving_one_out(mean, protocol) for name, mean in found.items()}, "leave-1-out")


def _named(baselines: dict[str, Predict], label: str) -> MeanMaps:
    """The baselines under their names in the table."""
    names = {name: f"{name} ({label})" for name in baselines}
    return MeanMaps(
        {names[name]: predict for name, predict in baselines.items()},
        [names[name] for name in IN_METRES],
        {names[name]: MEAN_MAPS[name] for name in baselines},
    )
