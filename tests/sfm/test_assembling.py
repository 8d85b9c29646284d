import numpy as np
import pytest
import torch

from egodepth.geometry import transform_from_twist
from egodepth.sfm.assembling import MOST_MISSING, Part, all_poses, assembled, between, reliable
from egodepth.sfm.structures import Footage


def pose(*twist: float) -> np.ndarray:
    return transform_from_twist(torch.tensor(twist, dtype=torch.float64)).numpy()


def part(frames: list[int], poses: np.ndarray | None = None) -> Part:
    """Frames that look forward at three points, 5 away, and that all see."""
    count = len(frames)
    sightings = [(frame, point) for frame in range(count) for point in range(3)]
    return Part(
        frames=np.array(frames, np.int64),
        world_from_camera=np.tile(np.eye(4), (count, 1, 1)) if poses is None else poses,
        xyz=np.array([[-1.0, 0.0, 5.0], [0.0, 0.0, 5.0], [1.0, 0.0, 5.0]]),
        error_px=np.array([0.5, 0.5, 0.5]),
        observations=np.array(sightings, np.int32),
        uv=np.tile([[0.1, 0.5], [0.5, 0.5], [0.9, 0.5]], (count, 1)),
        rays=np.tile([[-0.2, 0.0], [0.0, 0.0], [0.2, 0.0]], (count, 1)),
    )


def test_between_two_poses_the_camera_moves_along_one_screw():
    twist = (0.1, 0.6, -0.2, 1.0, 0.2, 3.0)
    first = pose(0.3, -0.2, 0.5, 4.0, 5.0, 6.0)
    second = first @ pose(*twist)
    np.testing.assert_allclose(between(first, second, 0.0), first, atol=1e-12)
    np.testing.assert_allclose(between(first, second, 1.0), second, atol=1e-12)
    np.testing.assert_allclose(between(first, second, 0.25), first @ pose(*(0.25 * x for x in twist)), atol=1e-12)


def test_missing_frames_lie_between_their_neighbours_in_time():
    first, second = pose(0, 0, 0, 0, 0, 0), pose(0, 0, 0, 0, 0, 10)
    frames, parts, registered, poses = all_poses([part([10, 20], np.stack([first, second]))], [9, 10, 11, 18, 20, 21])
    assert frames.tolist() == [10, 11, 18, 20]
    assert parts.tolist() == [0, 0, 0, 0]
    assert registered.tolist() == [True, False, False, True]
    np.testing.assert_allclose(poses[:, 2, 3], [0, 1, 8, 10])


def test_nothing_is_invented_between_two_parts_nor_over_a_wide_gap():
    two = [part([0, 1, 6, 7]), part([3, 9])]
    frames, parts, registered, _ = all_poses(two, range(11))
    assert frames.tolist() == [0, 1, 3, 6, 7, 9]
    assert parts.tolist() == [0, 0, 1, 0, 0, 1]
    assert registered.all()
    narrow, wide = ([0, MOST_MISSING + more] for more in (1, 2))
    assert len(all_poses([part(narrow)], range(40))[0]) == MOST_MISSING + 2
    assert len(all_poses([part(wide)], range(40))[0]) == 2


def test_points_that_cannot_be_relied_on_are_dropped():
    good = part([0, 1, 2])
    poses = good.world_from_camera.copy()
    poses[1, 2, 3] = 6.0  # stands behind the third point alone
    xyz = good.xyz + np.array([[0, 0, 5], [0, 0, 5], [0, 0, 0]])
    short = np.array([pair for pair in good.observations.tolist() if pair != [2, 1]], np.int32)
    assert len(reliable(good).xyz) == 3
    assert len(reliable(Part(**{**vars(good), "error_px": np.array([0.5, 2.5, 0.5])})).xyz) == 2
    behind = reliable(Part(**{**vars(good), "world_from_camera": poses, "xyz": xyz}))
    np.testing.assert_array_equal(behind.xyz, xyz[:2])
    seldom = reliable(
        Part(
            **{**vars(good), "observations": short, "uv": np.delete(good.uv, 7, 0)}
            | {"rays": np.delete(good.rays, 7, 0)}
        )
    )
    np.testing.assert_array_equal(seldom.xyz, good.xyz[[0, 2]])
    assert seldom.observations.tolist() == [[frame, point] for frame in range(3) for point in range(2)]
    assert seldom.uv[:, 0].tolist() == pytest.approx([0.1, 0.9] * 3)
    assert seldom.rays[:, 0].tolist() == pytest.approx([-0.2, 0.2] * 3)


def test_parts_keep_their_points_and_points_get_the_mean_of_their_colours():
    def read(frame: int) -> np.ndarray:
        image = np.full((4, 10, 3), 100 + frame, np.uint8)
        image[:, 5:] = 0
        return image

    read_frames: list[int] = []
    footage = Footage(read, tuple(range(8)), (4, 10))
    found = assembled([part([3, 4, 6]), part([0, 1])], footage, read_frames.append)
    assert found.frames.tolist() == [0, 1, 3, 4, 5, 6]
    assert found.registered.tolist() == [True, True, True, True, False, True]
    assert found.part.tolist() == [1, 1, 0, 0, 0, 0]
    assert found.part_of_point.tolist() == [0, 0, 0, 1, 1, 1]
    assert found.points.track_length.tolist() == [3, 3, 3, 2, 2, 2]
    assert found.points.rgb[:, 0].tolist() == [104, 0, 0, 100, 0, 0]  # 104.33; 100.5 is rounded to even
    seen, _ = found.sightings(1)
    assert seen.tolist() == [3, 4, 5]
    assert found.sightings(4)[0].tolist() == []
