import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from egodepth.data.drive import Drive
from egodepth.data.opening import open_drives, thinned
from egodepth.evaluation.benchmark_frames import Frames, benchmark_frames
from egodepth.evaluation.benchmarks import BENCHMARKS
from egodepth.foundation.errors import InputError

DRIVE = "2011_09_26_drive_0052_sync"


@pytest.fixture
def frames_of(real_data: Path):
    root = real_data / "kitti_raw"

    def choose(name: str, patterns: tuple[str, ...] = ("*0052*",), partial: bool = False, **more) -> Frames:
        return benchmark_frames(BENCHMARKS[name], open_drives(root), patterns, partial, root, **more)

    return choose


def test_the_frames_of_a_benchmark_come_in_their_published_order(frames_of) -> None:
    found = frames_of("eigen", partial=True)
    assert {drive.name for drive, _ in found} == {f"{DRIVE}/image_02"}
    assert [frame for _, frame in found] == [14, 8, 10, 6, 12, 0, 2, 4]


def test_missing_frames_and_missing_truth_are_counted_and_the_first_is_named(frames_of) -> None:
    with pytest.raises(InputError, match=rf"lacks 17 of the 25 .* the first: {DRIVE}/image_02, frame 46.*--partial"):
        frames_of("eigen")


def test_frames_without_truth_count_where_it_comes_from_a_file(frames_of) -> None:
    assert len(frames_of("eigen", partial=True, needs_depth=False)) == 12


def test_a_benchmark_of_which_nothing_is_there_is_refused_partial_or_not(frames_of) -> None:
    with pytest.raises(InputError, match="lacks 25 of the 25"):
        frames_of("eigen", ("*26_drive_0002*",), partial=True)
    with pytest.raises(InputError, match="no drive of eigen matches"):
        frames_of("eigen", ("*0095*",))


def test_without_a_list_every_frame_with_truth_counts(frames_of) -> None:
    assert len(frames_of("kitti_2015")) == 8


def test_frames_are_thinned_evenly(frames_of) -> None:
    frames = frames_of("kitti_2015")
    assert thinned(frames, 2) == [frames[2], frames[6]]
    assert thinned(frames, None) == frames
    assert thinned(frames, 8) == frames


def test_improved_maps_can_be_the_truth_of_raw_drives(real_data: Path, tmp_path: Path) -> None:
    root = real_data / "kitti_raw"
    drives = open_drives(root, truth="improved", improved_dir=real_data / "kitti_depth")
    with_truth = {drive.name for drive in drives if any(map(drive.has_depth, drive.frames))}
    assert with_truth == {f"2011_09_26_drive_0001_sync/image_0{camera}" for camera in (2, 3)}
    assert os.listdir(tmp_path) == []


def test_kitti_2015_goes_by_the_number_of_the_frame_across_image_sizes() -> None:
    class Sized(Drive):
        def __init__(self, name: str, frames: list[int]) -> None:
            self.name, self.frames = name, frames

        def read_image(self, frame: int, partner: bool = False) -> np.ndarray:
            raise AssertionError

        @property
        def depth_frames(self) -> Sequence[int]:
            return self.frames

    drives = [Sized("kitti_2015/1226x370", [1010, 3010]), Sized("kitti_2015/1242x375", [10, 2010])]
    frames = benchmark_frames(BENCHMARKS["kitti_2015"], drives, ("*",), False, Path("x"))
    assert [frame for _, frame in frames] == [10, 1010, 2010, 3010]
