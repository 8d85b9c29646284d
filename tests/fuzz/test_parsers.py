"""A short campaign in every run of the tests; `PYTHONPATH=tests python -m fuzz` is the long one."""

from pathlib import Path

import pytest

from fuzz.__main__ import supervised
from fuzz.harness import run
from fuzz.parsers import PARSERS

INPUTS = 120
SEED = 20261126
_IN_A_PROCESS = ("video",)
"""A fault within a library of C would end the tests."""


@pytest.mark.parametrize("name", [name for name in PARSERS if name not in _IN_A_PROCESS])
def test_damaged_files_are_read_sanely_or_refused_with_one_line(name: str, tmp_path: Path) -> None:
    (tmp_path / "case").mkdir()
    inputs = max(20, round(INPUTS * PARSERS[name].share))
    tally = run(PARSERS[name], tmp_path / "case", range(inputs), SEED, tmp_path / "failures")
    assert not tally.failed, "\n".join(tally.failures)
    assert tally.inputs == inputs
    assert tally.refused > inputs / 10
    assert [path.name for path in tmp_path.iterdir()] == ["case"]


@pytest.mark.parametrize("name", _IN_A_PROCESS)
def test_damaged_videos_do_not_end_the_process_that_reads_them(name: str, tmp_path: Path) -> None:
    tally = supervised(PARSERS[name], INPUTS // 2, SEED, tmp_path)
    assert not tally.failed, "\n".join(tally.failures)
    assert tally.inputs == INPUTS // 2
    assert tally.refused > 0
