import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from egodepth.config import DataConfig
from egodepth.data.drive import Drive
from egodepth.data.guard import refuse_test_drives
from egodepth.data.kitti.test_sets import SEQUENCE_RECORDINGS, TEST_RECORDINGS, recording_of
from egodepth.data.media.frame_numbers import FrameNumbers
from egodepth.data.samples import training_set
from egodepth.data.samples.training_set import open_training_set
from egodepth.foundation.errors import InputError
from egodepth.training.build import validation_drives


class Numbers(Drive):
    """Frames that are only numbers; the camera moves at some of them."""

    def __init__(self, position: int, generator: np.random.Generator) -> None:
        self.name = f"0{position}/image_2"
        self.frames = np.flatnonzero(generator.random(40) < 0.8).tolist()
        self.moving = [frame for frame in self.frames if position != 1 and generator.random() < 0.7]

    def read_image(self, frame: int, partner: bool = False) -> np.ndarray:
        raise NotImplementedError


EIGEN_TEST, OTHER = "2011_09_26_drive_0009_sync", "2011_09_26_drive_0095_sync"


@pytest.fixture
def raw(real_data: Path, tmp_path: Path) -> Path:
    """A date with a drive of the Eigen test set and another one."""
    date = tmp_path / "raw" / "2011_09_26"
    date.mkdir(parents=True)
    source = real_data / "kitti_raw" / "2011_09_26"
    for name in (EIGEN_TEST, OTHER, "calib_cam_to_cam.txt", "calib_velo_to_cam.txt"):
        os.symlink((source / name).resolve(), date / name)
    return tmp_path / "raw"


def names(config: DataConfig) -> set[str]:
    return {drive.name for drive in open_training_set(config).drives}


def refusal(config: DataConfig) -> str:
    with pytest.raises(InputError) as caught:
        open_training_set(config)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_drives_of_the_test_set_are_left_out_by_rule_and_said(raw: Path) -> None:
    found = open_training_set(DataConfig(path=(str(raw),)))
    assert [drive.name for drive in found.drives] == [f"{OTHER}/image_02"]
    assert found.left_out == [f"{EIGEN_TEST}/image_02", f"{EIGEN_TEST}/image_03"]
    assert len(found.samples) == 266


def test_drives_of_the_test_set_asked_for_by_name_are_refused(raw: Path) -> None:
    message = refusal(DataConfig(path=(str(raw),), drives=("*_sync/*",)))
    assert f"1 drives of the eigen test set: {EIGEN_TEST}; leave them out" in message
    assert EIGEN_TEST in refusal(DataConfig(path=(str(raw / "2011_09_26" / EIGEN_TEST),)))


@pytest.mark.parametrize("how", [{"allow_test_drives": True}, {"test_set": "none"}, {"test_set": "odometry"}])
def test_who_insists_trains_on_everything(raw: Path, how: dict) -> None:
    everything = {f"{EIGEN_TEST}/image_02", f"{EIGEN_TEST}/image_03", f"{OTHER}/image_02"}
    assert names(DataConfig(path=(str(raw),), **how)) == everything


def test_the_benchmark_list_is_refused_with_its_451_eigen_test_frames(real_data: Path, raw: Path) -> None:
    lists = real_data / "kitti_splits"
    message = refusal(DataConfig(path=(str(raw),), split_file=str(lists / "benchmark" / "train_files.txt")))
    assert "21 drives of the eigen test set (29416 of its 72084 lines; among them 451 of the 697" in message
    assert "2011_10_03_drive_0027_sync" in message


@pytest.mark.parametrize("name", ["eigen_zhou", "eigen_full"])
def test_lists_without_a_leak_pass_the_guard_and_miss_their_drives(real_data: Path, raw: Path, name: str) -> None:
    lists = real_data / "kitti_splits"
    message = refusal(DataConfig(path=(str(raw),), split_file=str(lists / name / "train_files.txt")))
    assert "lines have no frame" in message
    assert "the first: 2011_" in message


def test_a_list_names_its_samples_in_its_order_without_those_that_lack_a_neighbour(raw: Path, tmp_path: Path) -> None:
    lines = [f"2011_09_26/{OTHER} {frame} l" for frame in (7, 3, 0, 12)]
    (tmp_path / "list.txt").write_text("\n".join(lines))
    found = open_training_set(DataConfig(path=(str(raw),), split_file=str(tmp_path / "list.txt")))
    assert [frame for _, frame in found.samples] == [7, 3, 12]
    assert {found.drives[position].name for position, _ in found.samples} == {f"{OTHER}/image_02"}


def test_a_list_whose_frames_all_lack_a_neighbour_is_refused(raw: Path, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text(f"2011_09_26/{OTHER} 0 l")
    assert "neighbours" in refusal(DataConfig(path=(str(raw),), split_file=str(tmp_path / "list.txt")))


def test_a_sequence_and_its_raw_drive_are_one_recording() -> None:
    assert recording_of("07/image_2") == recording_of("2011_09_30_drive_0027_sync/image_03")
    assert recording_of("07") == "07"  # a folder of frames that happens to be called so
    with pytest.raises(InputError, match="2011_09_30_drive_0027_sync"):
        refuse_test_drives(["07/image_2"], "eigen")
    with pytest.raises(InputError, match="2011_09_30_drive_0033_sync"):
        refuse_test_drives(["09/image_2"], "odometry")
    refuse_test_drives(["09/image_2", "08/image_3"], "eigen")


def test_the_test_sets_hold_what_they_are_named_for() -> None:
    assert {name for name, drive in SEQUENCE_RECORDINGS.items() if drive in TEST_RECORDINGS["eigen"]} == {
        "00",
        "04",
        "05",
        "07",
    }
    assert TEST_RECORDINGS["none"] == frozenset()


def test_rendered_drives_are_recordings_of_their_own() -> None:
    assert recording_of("train/drive_0003") != recording_of("train/drive_0004")


def test_models_are_not_chosen_by_drives_of_the_test_set_unless_these_are_named(raw: Path) -> None:
    by_rule = {drive.name for drive in validation_drives(DataConfig(path=(str(raw),)))}
    assert by_rule == {f"{OTHER}/image_02"}
    named = validation_drives(DataConfig(path=(str(raw),), val_drives=("*0009*",)))
    assert {drive.name for drive in named} == {f"{EIGEN_TEST}/image_02", f"{EIGEN_TEST}/image_03"}


def test_a_list_makes_training_drives_of_the_drives_that_it_names_alone(raw: Path, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text(f"2011_09_26/{OTHER} 7 l")
    found = open_training_set(DataConfig(path=(str(raw),), split_file=str(tmp_path / "list.txt")))
    assert [drive.name for drive in found.drives] == [f"{OTHER}/image_02"]  # not the test drive beside it
    assert found.samples == [(0, 7)]


def test_a_standing_camera_is_left_out_and_said(real_data: Path, tmp_path: Path) -> None:
    date, standing = real_data / "kitti_raw" / "2011_09_26", "2011_09_26_drive_0017_sync"
    paths = tuple(str(date / name) for name in (standing, OTHER))
    found = open_training_set(DataConfig(path=paths, min_motion=0.0004, drives=("*_02",)))
    assert [drive.name for drive in found.drives] == [f"{OTHER}/image_02"]
    assert len(found.samples) == 266
    assert found.still == {f"{standing}/image_02": 10}
    assert open_training_set(DataConfig(path=paths, drives=("*_02",))).still == {}
    assert "camera stands still in all 10 frames" in refusal(
        DataConfig(path=paths[:1], min_motion=0.0004, drives=("*_02",))
    )
    # A list has left them out already: its frames are taken as they are.
    (tmp_path / "list.txt").write_text(f"2011_09_26/{standing} 3 l")
    listed = DataConfig(path=paths, min_motion=0.0004, split_file=str(tmp_path / "list.txt"))
    assert len(open_training_set(listed).samples) == 1


@pytest.mark.parametrize("seed", range(10))
def test_samples_and_their_order_are_those_of_asking_frame_by_frame(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = np.random.default_rng(seed)
    drives = [Numbers(position, generator) for position in range(4)]
    monkeypatch.setattr(training_set, "open_drives", lambda path, split: drives)
    monkeypatch.setattr(training_set, "moving_frames", lambda drive, least, report: FrameNumbers.of(drive.moving))
    usable = [(i, f) for i, drive in enumerate(drives) for f in drive.frames if {f - 1, f + 1} <= set(drive.frames)]
    config = DataConfig(path=("x",), test_set="none")

    def found(config: DataConfig) -> list[tuple[int, int]]:
        opened = open_training_set(config)
        assert {position for position, _ in opened.samples} == set(range(len(opened.drives)))
        return [(drives.index(opened.drives[position]), frame) for position, frame in opened.samples]

    assert found(config) == usable
    moving = replace(config, min_motion=0.01)
    assert found(moving) == [(i, frame) for i, frame in usable if frame in drives[i].moving]
    lost = [drives[i].name for i, frame in usable if frame not in drives[i].moving]
    assert open_training_set(moving).still == {name: lost.count(name) for name in dict.fromkeys(lost)}
    lines = [(i, frame) for i in (3, 0, 2) for frame in generator.permutation(drives[i].frames).tolist()]
    (tmp_path / "list.txt").write_text("\n".join(f"{i} {frame} l" for i, frame in lines))
    listed = replace(config, split_file=str(tmp_path / "list.txt"))
    assert found(listed) == [line for line in lines if line in usable]
