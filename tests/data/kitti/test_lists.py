from pathlib import Path

import pytest

from egodepth.data.kitti.eigen import EIGEN_BENCHMARK_FRAMES, EIGEN_DRIVES, EIGEN_FRAMES
from egodepth.data.kitti.lists import Line, positions_of, read_list
from egodepth.data.opening import open_drives
from egodepth.foundation.errors import InputError


@pytest.mark.parametrize(
    ("frames", "published"), [(EIGEN_FRAMES, "eigen"), (EIGEN_BENCHMARK_FRAMES, "eigen_benchmark")]
)
def test_the_table_in_the_source_is_the_published_list_line_by_line(real_data: Path, frames, published: str) -> None:
    assert frames == read_list(real_data / "kitti_splits" / published / "test_files.txt")


def test_eigens_table_has_697_frames_of_28_drives_652_of_them_with_an_improved_map() -> None:
    assert (len(set(EIGEN_FRAMES)), len(set(EIGEN_BENCHMARK_FRAMES)), len(EIGEN_DRIVES)) == (697, 652, 28)
    assert {line.camera for line in EIGEN_FRAMES} == {2}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("2011_09_26/2011_09_26_drive_0022_sync 473 r", Line("2011_09_26_drive_0022_sync", 473, 3)),
        ("2011_09_26/2011_09_26_drive_0002_sync 0000000069 l", Line("2011_09_26_drive_0002_sync", 69, 2)),
        ("8 4056 r", Line("08", 4056, 3)),
    ],
)
def test_published_lines_are_read(tmp_path: Path, text: str, line: Line) -> None:
    (tmp_path / "list.txt").write_text(f"\n{text}\n\n")
    assert read_list(tmp_path / "list.txt") == [line]


def test_cameras_have_the_names_of_their_folders() -> None:
    assert Line("2011_09_26_drive_0022_sync", 4, 3).drive_name == "2011_09_26_drive_0022_sync/image_03"
    assert Line("08", 4, 2).drive_name == "08/image_2"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "empty"),
        ("2011_09_26/2011_09_26_drive_0022_sync 473 r\nimage 0\n", "line 2: 'image 0' is not of the form"),
        ("2011_09_26/2011_09_26_drive_0022_sync 473 x", "line 1"),
        ("2011_09_26/2011_09_26_drive_0022_sync -1 r", "line 1"),
        (b"\xff\xfe\x00", "no list of frames"),
    ],
)
def test_lists_of_another_form_are_refused_by_the_line(tmp_path: Path, content: str | bytes, message: str) -> None:
    (tmp_path / "list.txt").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError, match=message):
        read_list(tmp_path / "list.txt")


def test_a_missing_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="check the path"):
        read_list(tmp_path / "none.txt")


def test_lines_find_their_frames_and_leave_the_others(real_data: Path) -> None:
    drives = open_drives(real_data / "kitti_raw" / "2011_09_26" / "2011_09_26_drive_0052_sync")
    found, missing = positions_of(EIGEN_FRAMES, drives)
    assert [frame for _, frame in found] == [14, 8, 16, 18, 10, 20, 6, 12, 0, 2, 4, 22]
    assert len(missing) == 697 - 12
