import json
from pathlib import Path

import pytest
import torch

from benchmarks import step
from benchmarks.figures import Figure, Ratio, Result, read_result
from egodepth.commands.benchmark import Benchmark
from egodepth.foundation.errors import InputError


def test_the_throughput_of_evaluation_is_measured_printed_and_written(tmp_path: Path, capsys) -> None:
    Benchmark("evaluation", images=3, repeats=2, json=tmp_path / "b.json", markdown=tmp_path / "b.md")()
    assert "protocol's work" in capsys.readouterr().out
    found = read_result(tmp_path / "b.json")
    (figure,) = found.figures
    assert 0 < figure.low <= figure.median <= figure.high
    assert found.ratios[0].value == figure.median
    assert "| protocol's work |" in (tmp_path / "b.md").read_text()
    Benchmark("evaluation", images=3, repeats=1, against=tmp_path / "b.json")()
    assert f"{figure.median:.4g}" in capsys.readouterr().out


def test_a_step_is_measured_beside_its_twin_with_stages_and_memory(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(step, "matrix_rate", lambda dtype, device: 1e11)
    monkeypatch.setattr(step, "memory_rate", lambda device: 1e9)
    Benchmark("step", size=(64, 96), batch_size=1, repeats=1, device="cpu", json=tmp_path / "b.json")()
    found = read_result(tmp_path / "b.json")
    median = {figure.name: figure.median for figure in found.figures}
    rates = [median[step.OURS], median[step.TWIN]]
    assert min(median.values()) > 0
    ratios = {ratio.name: ratio.value for ratio in found.ratios}
    assert ratios["the step over its twin, images/s"] == pytest.approx(rates[0] / rates[1])
    stages = [name for name in median if name.endswith(", of the step")]
    assert len(stages) == 6
    assert any("peak memory" in name for name in ratios)


def test_ratios_know_whether_their_mark_is_reached() -> None:
    assert Ratio("fast", 2.0, 1.8).reached
    assert not Ratio("fast", 1.7, 1.8).reached
    assert Ratio("small", 0.5, 0.5, at_most=True).reached
    assert not Ratio("small", 0.6, 0.5, at_most=True).reached


def test_what_is_no_result_is_refused(tmp_path: Path) -> None:
    result = Result("x", "y", (Figure.of("z", "s", [3.0, 1.0, 2.0]),), (Ratio("r", 1.0, 2.0),))
    (tmp_path / "good.json").write_text(result.to_json())
    assert read_result(tmp_path / "good.json") == result
    assert result.figures[0][2:] == (2.0, 1.0, 3.0)
    assert json.loads(result.to_json())["figures"] == [
        {"name": "z", "unit": "s", "median": 2.0, "low": 1.0, "high": 3.0}
    ]
    rows = {"figures": [["z", "s", 2.0, 1.0, 3.0]], "ratios": [["r", 1.0, 2.0, False]]}
    earlier = {"format": "egodepth-benchmark-1", "what": "x", "conditions": "y", **rows}
    (tmp_path / "earlier.json").write_text(json.dumps(earlier))
    assert read_result(tmp_path / "earlier.json") == result
    for content in ("{", "[]", json.dumps({"format": "another"})):
        (tmp_path / "bad.json").write_text(content)
        with pytest.raises(InputError, match=r"bad\.json: not a result of egodepth benchmark"):
            Benchmark("evaluation", against=tmp_path / "bad.json")()


def test_nothing_cannot_be_measured() -> None:
    with pytest.raises(InputError, match="at least 1"):
        Benchmark("evaluation", images=0)()


def test_the_rates_of_the_machine_are_those_of_a_machine() -> None:
    from benchmarks.floor import matrix_rate, memory_rate

    cpu = torch.device("cpu")
    assert 1e9 < matrix_rate(torch.float32, cpu) < 1e14
    assert 1e8 < memory_rate(cpu) < 1e13


def test_the_plane_sweep_is_measured_beside_the_formula_in_torch(tmp_path: Path) -> None:
    Benchmark("hints", size=(24, 32), repeats=1, json=tmp_path / "b.json")()
    found = read_result(tmp_path / "b.json")
    ours, twin = (figure.median for figure in found.figures)
    assert ours > 0
    assert found.ratios[0].value == pytest.approx(twin / ours)
