"""Which options of `egodepth evaluate` go together."""

import dataclasses
from typing import TYPE_CHECKING

from egodepth.errors import InputError
from egodepth.evaluation.benchmarks import BENCHMARKS

if TYPE_CHECKING:
    from egodepth.evaluate.command import Evaluate

_MEANT = {
    "odometry": {"data", "model", "split", "drives", "out", "json", "device"},
    "kitti_benchmark_server": {"data", "model", "out", "factor", "size", "post_process", "device"},
}
"""The options of those benchmarks that do not score depth."""


def check_options(command: "Evaluate") -> None:
    """Refuse what is missing, impossible, or means nothing here.

    Raises:
        InputError: says which option, and what to do.
    """
    if command.benchmark in BENCHMARKS:
        _check_depth(command)
    _refuse_idle_options(command)
    if command.factor is not None and not 0 < command.factor < float("inf"):
        raise InputError(f"--factor {command.factor:g}: must be positive and finite")


def _check_depth(command: "Evaluate") -> None:
    if command.limit is not None and command.limit < 1:
        raise InputError(f"--limit {command.limit}: evaluate on at least one frame")
    if bool(command.model) == bool(command.predictions):
        raise InputError("evaluate: give either a model or --predictions FILE")
    if command.paired and command.predictions:
        raise InputError("--paired compares two models; score --predictions without it")
    if len(command.model) != 1 + command.paired and command.model:
        wanted = "two models with --paired" if command.paired else "one model, or two with --paired"
        raise InputError(f"evaluate: {len(command.model)} models given; give {wanted}")
    if command.truth_kind == "improved" and command.improved is None and command.truth_file is None:
        raise InputError(
            f"{command.benchmark}: give --improved DIR, KITTI's improved depth maps (the folder with train and val), "
            "or another --truth"
        )


def _refuse_idle_options(command: "Evaluate") -> None:
    """An option that would change nothing is a misunderstanding, and is said to be one."""
    given = {
        field.name
        for field in dataclasses.fields(command)
        if field.default is not dataclasses.MISSING and getattr(command, field.name) != field.default
    }
    idle = dict.fromkeys(given - _MEANT.get(command.benchmark, given), f"with --benchmark {command.benchmark}")
    published = BENCHMARKS[command.benchmark].lines if command.benchmark in BENCHMARKS else ()
    conditions = {
        "improved": (command.truth_kind == "improved", "without --truth improved"),
        "truth": (command.truth_file is None, "with --truth-file"),
        "predicted": (command.predictions is not None, "without --predictions"),
        **dict.fromkeys(("size", "post_process", "device"), (not command.predictions, "with --predictions")),
        **{name: (bool(published), "without a published list of frames") for name in ("partial", "all_frames")},
    }
    idle |= {name: reason for name, (meant, reason) in conditions.items() if name in given and not meant}
    if idle:
        name, reason = sorted(idle.items())[0]
        raise InputError(f"--{name.replace('_', '-')} changes nothing {reason}; leave it out")
