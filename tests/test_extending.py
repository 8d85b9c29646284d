"""What docs/extending.md shows works."""

import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from egodepth.cli import _VERBS, main
from egodepth.data import opening, registry
from egodepth.data.opening import open_drives, training_samples
from egodepth.foundation.errors import InputError

PAGE = Path(__file__).parents[1] / "docs" / "extending.md"


@pytest.fixture
def example(tmp_path: Path) -> Path:
    for drive in ("north", "south"):
        (tmp_path / drive).mkdir()
        for number in range(4):
            Image.new("RGB", (96, 64), (number, 0, 0)).save(tmp_path / drive / f"{number:04d}.png")
    (tmp_path / "example.txt").write_text("70\n")
    return tmp_path


def test_a_data_set_is_one_file_and_one_line(example: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, line = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    space: dict[str, Any] = {"Reader": registry.Reader}
    exec(reader, space)
    exec(line, space)
    added, others = space["READERS"]
    assert isinstance(added, registry.Reader)
    assert others is ...  # those that are there
    monkeypatch.setattr(opening, "READERS", (added, *registry.READERS))
    north, south = open_drives(example)
    assert (north.name, list(north.frames), north.size) == ("north", [0, 1, 2, 3], (64, 96))
    assert south.read_image(3)[0, 0].tolist() == [3, 0, 0]
    assert len(training_samples([north, south], (-1, 1), stereo=False)) == 4


def test_a_damaged_file_of_the_example_is_one_line(example: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (example / "example.txt").write_text("wide")
    reader = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[0]
    space: dict[str, Any] = {}
    exec(reader, space)
    with pytest.raises(InputError, match=r"example\.txt: no number"):
        space["open_example"](example)


def test_every_verb_is_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--help"])
    said = capsys.readouterr().out
    assert [verb for verb in _VERBS if f"\n  {' '.join(verb)} " not in said] == []


def test_what_the_page_names_is_there() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for path in re.findall(r"`(src/\S+?|tests/\S+?)`", text):
        assert (PAGE.parents[1] / path).exists(), path
    drive = (PAGE.parents[1] / "src/egodepth/data/drive.py").read_text(encoding="utf-8")
    names = re.findall(r"`(\w+)`", text.split("stands in")[1].split("Raise")[0])
    assert names
    assert not [name for name in names if name not in drive]
