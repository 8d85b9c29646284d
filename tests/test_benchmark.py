import json
from pathlib import Path

import pytest

from egodepth.benchmark import Benchmark
from egodepth.errors import InputError


def test_the_throughput_of_evaluation_is_measured_printed_and_written(tmp_path: Path, capsys) -> None:
    Benchmark("evaluation", images=3, repeats=2, json=tmp_path / "b.json")()
    assert "evaluation: " in capsys.readouterr().out
    found = json.loads((tmp_path / "b.json").read_text())
    assert found["slowest"] <= found["median"] <= found["fastest"]
    assert len(found["images_per_s"]) == 2
    assert min(found["images_per_s"]) > 0


def test_nothing_cannot_be_measured() -> None:
    with pytest.raises(InputError, match="at least 1"):
        Benchmark("evaluation", images=0)()
