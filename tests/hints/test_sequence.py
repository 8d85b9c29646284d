import numpy as np
import pytest

from egodepth.hints import SweepSettings, hint_maps, sequence
from egodepth.hints.sequence import steps_of_parts
from egodepth.sfm.clip_map import ClipMap
from egodepth.sfm.structures import SparsePoints
from hints.hint_scenes import CAMERA, SIZE, WALL, pose, wall

SETTINGS = SweepSettings(planes=24, nearest=20.0, farthest=400.0, offsets=(2, 4), apart=4)
STEP = 0.2
NOTHING = SparsePoints(
    xyz=np.zeros((0, 3)),
    rgb=np.zeros((0, 3), np.uint8),
    error_px=np.zeros(0, np.float32),
    track_length=np.zeros(0, np.int32),
    observations=np.zeros((0, 2), np.int32),
    rays=np.zeros((0, 2), np.float32),
)


def place(number: int) -> np.ndarray:
    return pose(0.5 * STEP * number, 0.866 * STEP * number).numpy().astype(np.float64)


class Recording:
    """Frames of a camera that drives towards a wall, and a count of how often each is read."""

    def __init__(self, numbers: range, part: int = 0) -> None:
        frames = np.array(numbers, np.int64)
        poses = np.stack([place(n) for n in numbers])
        self.reads: dict[int, int] = {}
        self.map = ClipMap(
            frames=frames,
            part=np.full(len(frames), part, np.int32),
            registered=np.ones(len(frames), bool),
            world_from_camera=poses,
            points=NOTHING,
        )

    def read(self, number: int) -> np.ndarray:
        self.reads[number] = self.reads.get(number, 0) + 1
        world_from_camera = pose(*(float(v) for v in place(number)[[0, 2], 3]))
        return (wall(world_from_camera) * 255).round().permute(1, 2, 0).byte().numpy()

    def maps(self, **options) -> dict[int, np.ndarray]:
        return dict(hint_maps(self.map, CAMERA, SIZE, self.read, SETTINGS, **options))


def test_every_frame_between_its_neighbours_has_hints_at_the_walls_distance() -> None:
    recording = Recording(range(3, 15))
    maps = recording.maps()
    assert list(maps) == list(range(12))
    for position in (4, 6, 8):
        truth = 1 / (WALL - recording.map.world_from_camera[position, 2, 3])
        kept = maps[position] > 0
        assert kept.mean() > 0.7
        assert np.abs(maps[position][kept] / truth - 1).mean() < 0.02
    assert set(recording.reads.values()) == {1}


def test_a_run_that_goes_on_makes_the_same_bytes() -> None:
    whole, done = Recording(range(12)).maps(), []
    rest = Recording(range(12)).maps(skip=7, on_done=done.append)
    assert list(rest) == done == [7, 8, 9, 10, 11]
    assert all(np.array_equal(rest[position], whole[position]) for position in rest)


def test_a_frame_whose_pose_is_a_guess_has_no_hints_and_is_no_source(monkeypatch: pytest.MonkeyPatch) -> None:
    recording = Recording(range(12))
    recording.map.registered[6] = False
    maps = recording.maps()
    assert not maps[6].any()
    assert maps[5].any()
    assert 6 not in recording.reads


def test_parts_know_nothing_of_each_other() -> None:
    recording = Recording(range(10))
    recording.map.part[5:] = 1
    recording.map.world_from_camera[5:, :3, 3] *= 7
    assert steps_of_parts(recording.map) == pytest.approx({0: STEP, 1: 7 * STEP}, rel=1e-3)
    alone = Recording(range(5)).maps()
    maps = recording.maps()
    assert all(np.array_equal(maps[position], alone[position]) for position in range(5))


def test_a_camera_that_stands_and_a_lone_frame_have_empty_maps() -> None:
    standing = Recording(range(6))
    standing.map.world_from_camera[:] = standing.map.world_from_camera[0]
    lone = Recording(range(1))
    for recording in (standing, lone):
        maps = recording.maps()
        assert len(maps) == len(recording.map.frames)
        assert not any(found.any() for found in maps.values())
        assert not recording.reads


def neighbours_at(distances: list[float], position: int) -> list[int]:
    """Neighbours of a frame of a camera that has come so far, in steps, at each frame."""
    recording = Recording(range(len(distances)))
    recording.map.world_from_camera[:, :3, 3] = np.array(distances)[:, None] * [0, 0, 1]
    return sequence._Frames(recording.map, CAMERA, SIZE, recording.read, SETTINGS).neighbours(position)


def test_neighbours_of_an_even_drive_are_the_frames_at_the_offsets() -> None:
    even = [1.04 * n for n in range(12)]
    assert neighbours_at(even, 5) == [1, 3, 7, 9]
    assert neighbours_at(even, 1) == [3, 5]
    assert neighbours_at(even, 11) == [7, 9]


def test_neighbours_of_a_slow_passage_are_farther_in_time() -> None:
    slow = [0.0, 1.0, 2.0, 3.0, 3.5, 4.0, 4.5, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0]
    assert neighbours_at(slow, 5) == [0, 2, 8, 10]


def test_a_camera_that_stands_for_a_while_is_compared_with_frames_before_and_after() -> None:
    standing = [0.0, 1.0, 2.0, 3.0, 4.0, *(4.0 + 0.01 * (n % 2) for n in range(9)), 5.0, 6.0, 7.0, 8.0, 9.0, 10.0]
    assert neighbours_at(standing, 8) == [0, 2, 15, 17]


def test_frames_from_beyond_a_gap_are_no_neighbours() -> None:
    assert neighbours_at([0.0, 1.0, 2.0, 3.0, 4.0, 30.0, 31.0, 32.0, 33.0, 34.0], 4) == [0, 2]


def test_each_frame_is_read_once_though_only_the_last_few_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequence, "_KEPT", 16)
    recording = Recording(range(30))
    recording.maps()
    assert set(recording.reads.values()) == {1}
