import json
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from jaxtyping import Float, UInt8
from PIL import Image

from egodepth.data.drive import Drive
from egodepth.data.opening import depth_frames, open_drives, thinned, training_samples
from egodepth.data.readers.folder import FolderDrive
from egodepth.data.sample_index import FrameRuns, SampleIndex
from egodepth.foundation.errors import InputError


class Numbers(Drive):
    """Frames that are only numbers; even ones have true depth, those below ten a partner unless others are given."""

    def __init__(self, name: str, frames: Sequence[int], partners: Sequence[int] | None = None) -> None:
        self.name, self.frames, self.partners = name, frames, partners

    def read_image(self, frame: int, partner: bool = False) -> UInt8[np.ndarray, "h w 3"]:
        raise NotImplementedError

    @property
    def partner_frames(self) -> Sequence[int]:
        return [frame for frame in self.frames if frame < 10] if self.partners is None else self.partners

    @property
    def depth_frames(self) -> Sequence[int]:
        return [frame for frame in self.frames if frame % 2 == 0]

    def read_depth(self, frame: int) -> Float[np.ndarray, "h w"]:
        raise NotImplementedError


def clip(folder: Path, camera: bool = True) -> None:
    folder.mkdir(parents=True)
    for number in range(3):
        Image.new("RGB", (12, 8)).save(folder / f"{number}.png")
    if camera:
        (folder / "camera.json").write_text('{"fov_deg": 80}')


def test_a_folder_of_frames_is_one_drive(tmp_path: Path) -> None:
    clip(tmp_path / "a")
    (drive,) = open_drives(tmp_path / "a")
    assert isinstance(drive, FolderDrive)
    assert drive.frames == [0, 1, 2]


def test_a_folder_of_folders_is_many_and_a_camera_file_can_serve_all(tmp_path: Path) -> None:
    clip(tmp_path / "b", camera=False)
    clip(tmp_path / "a")
    (tmp_path / "camera.json").write_text('{"fov_deg": 50}')
    (tmp_path / "notes").mkdir()
    drives = open_drives(str(tmp_path), "test")
    assert [drive.name for drive in drives] == ["a", "b"]
    assert drives[0].camera.focal[0] < drives[1].camera.focal[0]


def test_what_is_not_understood_gets_the_list_of_what_is(tmp_path: Path) -> None:
    (tmp_path / "file.txt").touch()
    (tmp_path / "empty").mkdir()
    for name, reason in (
        ("gone", "does not exist"),
        ("file.txt", "is a file"),
        ("empty", r"no frames found \(it is empty\)"),
    ):
        with pytest.raises(InputError, match=f"{name}: {reason}; give a folder of frames with camera.json, .*KITTI"):
            open_drives(tmp_path / name)
    with pytest.raises(InputError, match=r"no frames found \(it has empty, file\.txt\); give"):
        open_drives(tmp_path)
    (tmp_path / "drive.mp4").touch()
    with pytest.raises(InputError, match=r"drive\.mp4: is a video; `egodepth data extract .* --out FOLDER` makes"):
        open_drives(tmp_path / "drive.mp4")
    (tmp_path / "drive.mp4").unlink()
    (tmp_path / "leftImg8bit_sequence_trainvaltest.zip").touch()
    with pytest.raises(InputError, match=r"\(leftImg8bit_sequence_trainvaltest\.zip is still packed: unpack it"):
        open_drives(tmp_path)


def test_a_damaged_or_foreign_data_set_description_is_told_apart(tmp_path: Path) -> None:
    (tmp_path / "dataset.json").write_text("{")
    with pytest.raises(InputError, match=r"dataset\.json: not readable as JSON"):
        open_drives(tmp_path)
    (tmp_path / "dataset.json").write_text(json.dumps({"format": "another"}))
    with pytest.raises(InputError, match="no frames found"):
        open_drives(tmp_path)


def test_samples_are_the_frames_whose_neighbours_and_partners_exist() -> None:
    drives: list[Drive] = [Numbers("a", [0, 1, 2, 3, 5, 6]), Numbers("b", [8, 9, 10, 11, 12])]
    assert training_samples(drives, (-1, 1), False) == [(0, 1), (0, 2), (1, 9), (1, 10), (1, 11)]
    assert training_samples(drives, (-1, 1), True) == [(0, 1), (0, 2), (1, 9)]
    assert training_samples(drives, (-2, 2), False) == [(0, 3), (1, 10)]
    assert len(training_samples(drives, (), False)) == 11
    assert training_samples(drives, (-1, 1), True, lone_pairs=True) == training_samples(drives, (), True)


@pytest.mark.parametrize("seed", range(40))
def test_samples_are_those_of_asking_frame_by_frame_in_that_order(seed: int) -> None:
    generator = np.random.default_rng(seed)

    def some() -> list[int]:
        return (np.flatnonzero(generator.random(60) < generator.uniform(0.6, 1)) + generator.integers(0, 9)).tolist()

    drives: list[Drive] = [Numbers(str(i), some(), some()) for i in range(generator.integers(1, 5))]
    offsets = generator.integers(-4, 5, generator.integers(0, 4)).tolist()
    for stereo, lone_pairs in ((False, False), (True, False), (True, True)):
        expected = [
            (position, frame)
            for position, drive in enumerate(drives)
            for frame in drive.frames
            if lone_pairs or all(frame + offset in drive.frames for offset in offsets)
            if not stereo or drive.has_partner(frame)
        ]
        if not expected:
            continue
        samples = training_samples(drives, offsets, stereo, lone_pairs)
        assert list(samples) == expected
        plain = SampleIndex.of(expected)
        for column in ("first", "drive", "frame"):
            np.testing.assert_array_equal(getattr(samples, column), getattr(plain, column), strict=True)
        used, renumbered = samples.used_drives()
        assert [(used[position], frame) for position, frame in renumbered] == expected
        assert sorted({position for position, _ in renumbered}) == list(range(len(used)))


def test_memory_and_work_do_not_grow_with_the_frames() -> None:
    """10^8 frames a drive: one object each would take gigabytes, and one step each minutes."""
    partners = range(5, 10**8)
    tracemalloc.start()
    try:
        drives: list[Drive] = [Numbers("a", range(10**8), partners), Numbers("b", range(7, 10**8), partners)]
        samples = training_samples(drives, (-2, 1), stereo=True)
        used, samples = samples.used_drives()
        slots = FrameRuns(drive.frames for drive in drives)
        few = thinned(samples, 100)
        assert tracemalloc.get_traced_memory()[1] < 1 << 18
    finally:
        tracemalloc.stop()
    assert (used, len(samples)) == ([0, 1], 2 * 10**8 - 5 - 9 - 2)
    assert (samples[0], samples[-1], len(few)) == ((0, 5), (1, 10**8 - 2), 100)
    assert (slots.slot(1, 7), slots.frame(len(slots) - 1)) == (10**8, (1, 10**8 - 1))


def test_no_sample_at_all_says_what_is_missing() -> None:
    with pytest.raises(
        InputError, match=r"^a: a missing neighbour frame: no frame has its neighbours -1 and \+1; give"
    ):
        training_samples([Numbers("a", [0, 1, 3, 4])], (-1, 1), False)
    with pytest.raises(InputError, match=r"^a: no frame has a stereo partner"):
        training_samples([Numbers("a", [10, 11, 12])], (-1, 1), True)
    with pytest.raises(InputError, match="no drives"):
        training_samples([], (-1, 1), False)


def test_depth_frames_are_thinned_evenly_and_always_alike() -> None:
    drives: list[Drive] = [Numbers("a", list(range(100))), Numbers("b", list(range(100)))]
    assert len(depth_frames(drives)) == 100
    thinned = depth_frames(drives, 10)
    assert [(drive.name, frame) for drive, frame in thinned[:2]] == [("a", 10), ("a", 30)]
    assert [drive.name for drive, _ in thinned].count("b") == 5
    assert depth_frames(drives, 10) == thinned
    assert depth_frames(drives, 1000) == depth_frames(drives)
    assert depth_frames([]) == depth_frames([Numbers("a", [1, 3])]) == []
