"""Check which options of an evaluation can be combined."""

import dataclasses

from egodepth.config import Truth
from egodepth.evaluation.benchmarks import BENCHMARKS
from egodepth.foundation.errors import InputError
from egodepth.inference.scoring.options import OTHER_TASKS, EvaluateOptions


def check_options(options: EvaluateOptions) -> None:
    """Refuse missing, impossible or useless options.

    Raises:
        InputError: names the option, and what to do.
    """
    if options.benchmark in BENCHMARKS:
        _check_depth(options)
    _refuse_idle_options(options)
    if options.factor is not None and not 0 < options.factor < float("inf"):
        raise InputError(f"--factor {options.factor:g}: must be positive and finite")


def _check_depth(options: EvaluateOptions) -> None:
    if options.limit is not None and options.limit < 1:
        raise InputError(f"--limit {options.limit}: evaluate on at least one frame")
    if bool(options.model) == bool(options.predictions):
        raise InputError("evaluate: give either a model or --predictions FILE")
    if options.paired and options.predictions:
        raise InputError("--paired compares two models; score --predictions without it")
    if len(options.model) != 1 + options.paired and options.model:
        wanted = "two models with --paired" if options.paired else "one model, or two with --paired"
        raise InputError(f"evaluate: {len(options.model)} models given; give {wanted}")
    if truth_kind(options) == "improved" and options.improved is None and options.truth_file is None:
        raise InputError(
            f"{options.benchmark}: give --improved DIR, KITTI's improved depth maps (the folder with train and val), "
            "or another --truth"
        )


def _refuse_idle_options(options: EvaluateOptions) -> None:
    """Refuse an option that would have no effect, because it is a misunderstanding."""
    given = {
        field.name
        for field in dataclasses.fields(options)
        if field.default is not dataclasses.MISSING and getattr(options, field.name) != field.default
    }
    idle = dict.fromkeys(given - OTHER_TASKS.get(options.benchmark, given), f"with --benchmark {options.benchmark}")
    published = BENCHMARKS[options.benchmark].frames() if options.benchmark in BENCHMARKS else ()
    conditions = {
        "improved": (truth_kind(options) == "improved", "without --truth improved"),
        "truth": (options.truth_file is None, "with --truth-file"),
        "predicted": (options.predictions is not None, "without --predictions"),
        **dict.fromkeys(("size", "post_process", "device"), (not options.predictions, "with --predictions")),
        **{name: (bool(published), "without a published list of frames") for name in ("partial", "all_frames")},
    }
    idle |= {name: reason for name, (meant, reason) in conditions.items() if name in given and not meant}
    if idle:
        name, reason = sorted(idle.items())[0]
        raise InputError(f"--{name.replace('_', '-')} changes nothing {reason}; leave it out")


def truth_kind(options: EvaluateOptions) -> Truth:
    """Return the truth of KITTI raw: the requested one, else the benchmark's."""
    return options.truth or (BENCHMARKS[options.benchmark].truth if options.benchmark in BENCHMARKS else "lidar")
