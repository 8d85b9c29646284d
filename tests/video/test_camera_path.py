from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from egodepth.foundation.errors import InputError
from egodepth.geometry import transform_from_twist
from egodepth.inference.motion import MotionPredictor
from egodepth.sfm.clip_map import ClipMap
from egodepth.video.camera_path import (
    RowTrajectory,
    mapped_trajectory,
    read_row_trajectories,
    row_trajectory,
    write_row_trajectories,
)
from egodepth.video.recording import Row
from hints.map_scenes import map_of

STEP = torch.tensor([0.0, 0.02, 0.0, 0.1, 0.0, 1.0], dtype=torch.float64)
"""later_from_earlier of neighbours: a curve."""


class ConstantMotion(MotionPredictor):
    """Sees the number of a frame in its image, and moves by one step a frame."""

    def __init__(self) -> None:
        self.pairs: list[tuple[int, int]] = []

    def __call__(self, earlier: torch.Tensor, later: torch.Tensor) -> torch.Tensor:
        numbers = [tuple(int(i) for i in pair) for pair in zip(earlier[:, 0, 0, 0], later[:, 0, 0, 0], strict=True)]
        self.pairs += numbers
        return torch.stack([transform_from_twist((b - a) * STEP) for a, b in numbers])


def row_of(count: int) -> Row:
    return Row(list(range(count)), 0.5 * np.arange(count))


def image_of(number: int) -> torch.Tensor:
    return torch.full((3, 2, 2), float(number))


@pytest.mark.parametrize("apart", [1, 2, 5])
@pytest.mark.parametrize("count", [3, 12, 40])
def test_a_track_follows_the_motion_whatever_the_distance_of_the_pairs(apart: int, count: int):
    motion, seen = ConstantMotion(), []
    trajectory = row_trajectory(motion, row_of(count), image_of, apart, seen.append)
    expected = [transform_from_twist(-n * STEP).numpy() for n in range(count)]
    np.testing.assert_allclose(trajectory.poses(), np.stack(expected), atol=1e-9)
    distance = min(apart, count - 1)
    assert motion.pairs == [(first, first + distance) for first in range(count - distance)]
    assert len(seen) == count


def test_between_two_frames_the_camera_is_on_the_way():
    trajectory = RowTrajectory(np.array([0.0, 1.0, 4.0]), np.stack([STEP.numpy(), 3 * STEP.numpy()]))
    poses = trajectory.poses()
    for seconds in (0.0, 0.25, 1.0, 2.0, 4.0):
        expected = transform_from_twist(-seconds * STEP).numpy()
        np.testing.assert_allclose(trajectory.at(seconds, poses), expected, atol=1e-9)


def test_factors_of_the_frames_scale_the_steps_that_begin_there():
    straight = np.array([0.0, 0.0, 0.0, 0.0, 0.0, -1.0])
    trajectory = RowTrajectory(np.arange(3.0), np.stack([straight, straight]))
    assert trajectory.poses(np.array([2.0, 5.0, 9.0]))[:, 2, 3].tolist() == [0.0, 2.0, 7.0]


def test_a_track_covers_its_own_time_alone():
    trajectory = RowTrajectory(np.array([1.0, 2.0]), np.zeros((1, 6)))
    assert [trajectory.covers(seconds) for seconds in (0.5, 1.0, 1.5, 2.0, 2.5)] == [False, True, True, True, False]


def test_tracks_are_read_back(tmp_path: Path):
    trajectories = [RowTrajectory(np.arange(n + 1.0), np.random.default_rng(n).normal(size=(n, 6))) for n in (2, 5)]
    write_row_trajectories(tmp_path / "tracks.npz", trajectories)
    for found, written in zip(read_row_trajectories(tmp_path / "tracks.npz"), trajectories, strict=True):
        np.testing.assert_array_equal(found.twists, written.twists)
        np.testing.assert_array_equal(found.seconds, written.seconds)


def test_damaged_tracks_are_an_error_of_one_line(tmp_path: Path):
    (tmp_path / "tracks.npz").write_bytes(b"PK nonsense")
    with pytest.raises(InputError, match="damaged"):
        read_row_trajectories(tmp_path / "tracks.npz")


def turning_map(count: int, part: list[int]) -> ClipMap:
    """Poses of the same curve, each part in a unit of its own."""
    world_from_camera = np.stack([transform_from_twist(-n * STEP).numpy() for n in range(count)])
    world_from_camera[:, :3, 3] *= np.where(np.array(part) == 0, 0.5, 0.25)[:, None]
    return replace(map_of([], count, part), world_from_camera=world_from_camera)


def never() -> RowTrajectory:
    raise AssertionError("the pose network is not asked where structure from motion knows")


def test_poses_of_the_map_are_the_track_in_the_unit_of_the_depth_whatever_a_frames_factor():
    trajectory = mapped_trajectory(row_of(5), turning_map(5, [0] * 5), np.full(5, 2.0), never)
    expected = np.stack([transform_from_twist(-n * STEP).numpy() for n in range(5)])
    np.testing.assert_allclose(trajectory.poses(), expected, atol=1e-9)
    np.testing.assert_allclose(trajectory.poses(np.full(5, 3.0)), expected, atol=1e-9)


def test_between_two_parts_and_without_a_pose_the_pose_network_is_asked():
    units = np.array([2.0, 2.0, 2.0, 4.0, 4.0, np.nan])
    other = RowTrajectory(0.5 * np.arange(6), np.tile([0, 0, 0, 7.0, 0, 0], (5, 1)))
    trajectory = mapped_trajectory(row_of(6), turning_map(5, [0, 0, 0, 1, 1]), units, lambda: other)
    assert trajectory.twists[:, 3].round(3).tolist() == [STEP[3].item()] * 2 + [7.0] + [STEP[3].item()] + [7.0]


def test_units_are_kept_with_the_tracks(tmp_path: Path):
    trajectories = [
        mapped_trajectory(row_of(5), turning_map(5, [0] * 5), np.full(5, 2.0), never),
        RowTrajectory(np.arange(2.0), np.zeros((1, 6))),
    ]
    write_row_trajectories(tmp_path / "tracks.npz", trajectories)
    found = read_row_trajectories(tmp_path / "tracks.npz")
    assert [trajectory.units.tolist() for trajectory in found] == [[2.0] * 5, []]
