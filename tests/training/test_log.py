import json
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from egodepth.foundation.errors import InputError
from egodepth.training.log import RunLog


def a_log(folder: Path, start: int = 0, steps: int = 10) -> tuple[RunLog, StringIO]:
    out = StringIO()
    return RunLog(folder, start, steps, Console(file=out, width=200)), out


def lines(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def test_numbers_go_to_json_lines_and_to_tensorboard(tmp_path: Path):
    log, _ = a_log(tmp_path)
    with log:
        log.scalars(0, {"loss": 0.5})
        log.scalars(1, {"loss": 0.25, "kept": 1.0})
        log.picture(1, "panels", np.zeros((4, 6, 3), np.uint8))
    assert lines(tmp_path) == [{"step": 0, "loss": 0.5}, {"step": 1, "loss": 0.25, "kept": 1.0}]
    assert [path.stat().st_size > 0 for path in tmp_path.glob("events.out.tfevents.*")] == [True]


def test_going_on_drops_what_came_after_the_checkpoint(tmp_path: Path):
    with a_log(tmp_path)[0] as log:
        for step in range(6):
            log.scalars(step, {"loss": float(step)})
    with a_log(tmp_path, start=4)[0] as log:
        assert [line["step"] for line in lines(tmp_path)] == [0, 1, 2, 3]
        log.scalars(4, {"loss": 9.0})
    assert lines(tmp_path)[-1] == {"step": 4, "loss": 9.0}
    assert len(lines(tmp_path)) == 5


def test_a_half_written_last_line_is_dropped(tmp_path: Path):
    (tmp_path / "log.jsonl").write_text('{"step": 0, "loss": 1.0}\n{"step": 1, "lo')
    with a_log(tmp_path, start=2)[0] as log:
        log.scalars(2, {"loss": 0.5})
    assert lines(tmp_path) == [{"step": 0, "loss": 1.0}, {"step": 2, "loss": 0.5}]


def test_a_run_that_starts_over_starts_its_log_over(tmp_path: Path):
    (tmp_path / "log.jsonl").write_text('{"step": 0, "loss": 1.0}\n')
    with a_log(tmp_path)[0]:
        pass
    assert lines(tmp_path) == []


def test_without_a_terminal_a_plain_line_comes_at_the_start_and_at_the_end(tmp_path: Path):
    log, out = a_log(tmp_path, steps=3)
    with log:
        for done in (1, 2, 3):
            log.advance(done, f"loss {done}")
        log.say("step 3: something")
    printed = out.getvalue().splitlines()
    assert [line for line in printed if "/3" in line] == [
        "1/3  0.0 min left  loss 1",
        "3/3  0.0 min left  loss 3",
    ]
    assert printed[-1] == "step 3: something"


def test_on_a_terminal_the_line_is_live(tmp_path: Path):
    out = StringIO()
    with RunLog(tmp_path, 0, 4, Console(file=out, force_terminal=True, width=100)) as log:
        log.advance(2, "loss 0.5")
    assert "2/4" in out.getvalue()
    assert "loss 0.5" in out.getvalue()


def test_a_log_that_cannot_be_written_is_one_line(tmp_path: Path):
    (tmp_path / "log.jsonl").symlink_to("/dev/full")
    log = RunLog.__new__(RunLog)
    log._path = tmp_path / "log.jsonl"
    log._file = log._path.open("a", buffering=1)
    with pytest.raises(InputError, match=r"log\.jsonl: cannot write the log \(No space left on device\)"):
        log.scalars(0, {"loss": 1.0})
    with pytest.raises(OSError, match="No space"):
        log._file.close()
