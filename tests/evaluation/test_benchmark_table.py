"""The table of benchmarks is the only list of their names."""

import dataclasses
import subprocess
import sys
from typing import get_args, get_type_hints

from egodepth.evaluation import BENCHMARKS, PROTOCOLS
from egodepth.inference.export.options import ExportOptions
from egodepth.inference.scoring.options import OTHER_TASKS, EvaluateOptions
from egodepth.training.ablation.options import AblationOptions


def test_commands_offer_the_benchmarks_of_the_table() -> None:
    for options, more in ((EvaluateOptions, OTHER_TASKS), (ExportOptions, ()), (AblationOptions, ())):
        assert "benchmark" in {field.name for field in dataclasses.fields(options)}
        assert get_args(get_type_hints(options)["benchmark"]) == (*BENCHMARKS, *more)


def test_published_counts_are_those_of_the_lists() -> None:
    counts = {name: len(b.frames()) for name, b in BENCHMARKS.items() if b.frames()}
    assert counts == {"eigen": 697, "eigen_benchmark": 652}
    assert all(BENCHMARKS[name].images == count for name, count in counts.items())
    assert list(PROTOCOLS) == list(BENCHMARKS)


def test_the_names_are_known_without_torch() -> None:
    code = "import sys; from egodepth.evaluation.benchmarks import BENCHMARKS; print('torch' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"
