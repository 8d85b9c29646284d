import json
from pathlib import Path

import pytest

from cell_endings import behave_by_seed
from egodepth.config import TrainConfig
from egodepth.foundation.files import write_text
from egodepth.training.ablation.cells import Cell, Examination
from egodepth.training.ablation.workers import CellRunner

EXAMINATION = Examination(paths=("nowhere",), drives=("*",), limit=None, benchmark="synthetic")


def test_a_cell_that_fails_or_dies_says_why_in_one_line_and_the_others_go_on(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    cells = [Cell("full", seed, TrainConfig(), EXAMINATION, tmp_path) for seed in range(5)]
    finished = []
    runner = CellRunner(2, lambda cell: finished.append(cell.seed) or "well", behave_by_seed)
    failures = {cell.seed: reason for cell, reason in runner.run(cells, already=7).items()}
    assert sorted(finished) == [0, 4]
    assert set(failures) == {1, 2, 3}
    assert failures[1] == "the disk is full; make room"
    assert "SIGKILL" in failures[2]
    assert "--jobs 1" in failures[2]
    assert failures[3] == f"ZeroDivisionError: by nothing; see {cells[3].log}"
    log = cells[3].log.read_text()
    assert "a word for the log" in log
    assert "Traceback" in log
    said = capfd.readouterr().err
    assert "12/12" in said
    assert "full, seed 1: failed: the disk is full; make room" in said
    assert "Traceback" not in said


def test_how_far_a_cell_is_stands_in_its_log(tmp_path: Path) -> None:
    cell = Cell("full", 0, TrainConfig(), EXAMINATION, tmp_path)
    assert cell.steps_done() == 0
    lines = json.dumps({"step": 9, "loss": 0.1}) + "\n"
    write_text(cell.run / "log.jsonl", lines)
    assert cell.steps_done() == 10
    write_text(cell.run / "log.jsonl", lines + '{"step": 1')
    assert cell.steps_done() == 0
