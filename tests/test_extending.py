"""What docs/extending.md shows works."""

import re
from pathlib import Path

import pytest
from PIL import Image

from egodepth.data import opening, registry
from egodepth.data.opening import open_drives, training_samples

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
    space: dict[str, object] = {"Reader": registry.Reader}
    exec(reader, space)
    (added,) = eval(f"({line})", space)
    monkeypatch.setattr(opening, "READERS", (*registry.READERS, added))
    north, south = open_drives(example)
    assert (north.name, list(north.frames), north.size) == ("north", [0, 1, 2, 3], (64, 96))
    assert south.read_image(3)[0, 0].tolist() == [3, 0, 0]
    assert len(training_samples([north, south], (-1, 1), stereo=False)) == 4


def test_what_the_page_names_is_there() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for path in re.findall(r"`(src/\S+?|tests/\S+?)`", text):
        assert (PAGE.parents[1] / path).exists(), path
    drive = (PAGE.parents[1] / "src/egodepth/data/drive.py").read_text(encoding="utf-8")
    names = re.findall(r"`(\w+)`", text.split("stands in")[1].split("Raise")[0])
    assert names
    assert not [name for name in names if name not in drive]
