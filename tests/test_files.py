from pathlib import Path

import pytest

from egodepth.errors import InputError
from egodepth.files import replacing, write_text


def test_a_file_appears_whole_and_makes_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "new" / "note.txt"
    with replacing(path) as beside:
        beside.write_text("half")
        assert not path.exists()
        assert beside.suffix == ".txt"
    assert path.read_text() == "half"
    assert list(path.parent.iterdir()) == [path]


def test_an_exception_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    write_text(path, "old")

    def broken() -> None:
        with replacing(path) as beside:
            beside.write_text("new")
            raise KeyError

    with pytest.raises(KeyError):
        broken()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_one_line_that_names_the_file() -> None:
    with pytest.raises(InputError, match=r"^/dev/full/.*cannot be written"):
        write_text("/dev/full/x.txt", "x")


def test_a_folder_in_place_of_the_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "taken" / "inside").mkdir(parents=True)
    with pytest.raises(InputError, match="taken: cannot be written"):
        write_text(tmp_path / "taken", "x")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
