from pathlib import Path

import pytest

from egodepth.foundation.errors import InputError
from egodepth.video.finished_stages import RECORD, StageRecord

TITLES = {"first": "One", "second": "Two"}


def test_a_finished_stage_is_not_done_again(tmp_path: Path, capsys):
    calls = []

    def work() -> dict[str, int]:
        calls.append(1)
        return {"frames": 3}

    assert StageRecord(tmp_path / "out", {"--steps": 5}, TITLES).run("first", work) == {"frames": 3}
    again = StageRecord(tmp_path / "out", {"--steps": 5}, TITLES)
    assert again.run("first", work) == {"frames": 3}
    assert len(calls) == 1
    assert set(again.seconds) == {"first"}
    assert "1/2 One: done before" in capsys.readouterr().err


def test_a_stage_that_failed_is_done_again(tmp_path: Path):
    record = StageRecord(tmp_path / "out", {}, TITLES)
    with pytest.raises(InputError, match="disk"):
        record.run("second", lambda: (_ for _ in ()).throw(InputError("disk full")))
    assert StageRecord(tmp_path / "out", {}, TITLES).run("second", lambda: 4) == 4


def test_other_options_are_refused_by_their_names(tmp_path: Path):
    StageRecord(tmp_path / "out", {"--steps": None, "--size": (64, 224)}, TITLES)
    with pytest.raises(InputError, match="was begun with --steps left out, not 9"):
        StageRecord(tmp_path / "out", {"--steps": 9, "--size": (64, 224)}, TITLES)
    with pytest.raises(InputError, match="was begun with --size 64 224, not 96 320"):
        StageRecord(tmp_path / "out", {"--steps": None, "--size": (96, 320)}, TITLES)


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path):
    (tmp_path / "photo.jpg").touch()
    with pytest.raises(InputError, match="holds something else"):
        StageRecord(tmp_path, {}, TITLES)
    assert [path.name for path in tmp_path.iterdir()] == ["photo.jpg"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[1]",
        '{"format": 99, "options": {}, "stages": {}}',
        '{"format": 1, "options": {}, "stages": {}, "decided": 3}',
    ],
)
def test_a_damaged_record_is_one_line(tmp_path: Path, text: str):
    (tmp_path / RECORD).write_text(text)
    with pytest.raises(InputError, match="another --out"):
        StageRecord(tmp_path, {}, TITLES)


def test_what_was_decided_stays_when_the_command_comes_back(tmp_path: Path):
    first = StageRecord(tmp_path / "out", {}, TITLES)
    assert first.decided("training", lambda: {"size": (64, 96)}) == {"size": [64, 96]}
    again = StageRecord(tmp_path / "out", {}, TITLES)
    assert again.decided("training", lambda: {"size": (192, 640)}) == {"size": [64, 96]}
