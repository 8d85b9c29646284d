import json
from pathlib import Path

import pytest

from egodepth.foundation.errors import InputError
from egodepth.foundation.files import RECORD, made_in, replacing, require_free, sizes_in, write_text


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


def test_a_name_that_is_too_long_is_no_full_disk(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="choose a shorter name"):
        write_text(tmp_path / ("x" * 300), "x")


def test_a_folder_in_place_of_the_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "taken" / "inside").mkdir(parents=True)
    with pytest.raises(InputError, match="taken: cannot be written"):
        write_text(tmp_path / "taken", "x")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def record(folder: Path, *names: str) -> None:
    (folder / RECORD).write_text(json.dumps({"files": {name: (folder / name).stat().st_size for name in names}}))


def test_only_what_the_record_lists_may_be_replaced(tmp_path: Path) -> None:
    (tmp_path / "depth.png").write_text("the user's")
    (tmp_path / "a.npz").write_text("made")
    require_free(tmp_path, ["b.npz"])
    for name in ("depth.png", "a.npz"):
        with pytest.raises(InputError, match=f"{name}: exists already"):
            require_free(tmp_path, ["b.npz", name])
    record(tmp_path, "a.npz")
    require_free(tmp_path, ["a.npz", "b.npz", RECORD])
    with pytest.raises(InputError, match=r"depth\.png: exists already"):
        require_free(tmp_path, ["a.npz", "depth.png"])
    assert sizes_in(tmp_path)["a.npz"] == 4


def test_a_result_that_a_user_replaced_is_the_users(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_text("made")
    record(tmp_path, "a.npz")
    (tmp_path / "a.npz").write_text("better, by hand")
    with pytest.raises(InputError, match=r"a\.npz: exists already"):
        require_free(tmp_path, ["a.npz"])


@pytest.mark.parametrize("text", ["", "[1]", "{", '{"a.npz": "x"}', '{"files": 3}', '{"files": {"a.npz": "x"}}'])
def test_a_damaged_record_vouches_for_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / RECORD).write_text(text)
    (tmp_path / "a.npz").write_text("x")
    assert "a.npz" not in made_in(tmp_path)
