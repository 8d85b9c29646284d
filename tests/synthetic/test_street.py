import numpy as np
import pytest

from egodepth.data.readers.rendered_set import Description
from egodepth.synthetic import Street, render_frame
from egodepth.synthetic.scene import Material

DEFAULT = Description(seed=0, frames=60, size=(96, 320), partner=True, train=12, val=3, test=3)


@pytest.fixture(scope="module")
def training_streets() -> list[Street]:
    return [Street(DEFAULT.street_seed("train", index), DEFAULT.frames) for index in range(DEFAULT.train)]


def test_the_same_seed_renders_the_same_frame_and_another_seed_another(street: Street) -> None:
    again = Street(street.seed, street.frames)
    first, second = (render_frame(s, 7, (32, 96), partner=True) for s in (street, again))
    for a, b in zip(first[:4], second[:4], strict=True):
        np.testing.assert_array_equal(a, b)
    other = render_frame(Street(street.seed + 1, street.frames), 7, (32, 96))
    assert (first.image != other.image).mean() > 0.5


def test_the_camera_is_like_kittis(training_streets: list[Street]) -> None:
    for street in training_streets:
        np.testing.assert_allclose(street.focal, (0.58, 1.92), rtol=0.021)
        assert np.abs(street.centre - 0.5).max() < 0.06
        assert -1.72 < street.camera_pose(5)[1, 3] < -1.58


def test_poses_are_rigid_and_follow_the_road_at_the_speed_of_a_car(training_streets: list[Street]) -> None:
    for street in training_streets:
        poses = np.stack([street.camera_pose(frame) for frame in range(-1, street.frames + 1)])
        np.testing.assert_allclose(
            poses[:, :3, :3] @ poses[:, :3, :3].transpose(0, 2, 1), np.eye(3)[None].repeat(62, 0), atol=1e-12
        )
        steps = np.linalg.norm(np.diff(poses[:, :3, 3], axis=0), axis=1)
        assert steps.max() < 1.4
        assert np.median(steps[steps > 0.5]) > 0.6


def test_a_camera_that_stands_still_has_identical_poses_while_others_move(training_streets: list[Street]) -> None:
    with_stops = [street for street in training_streets if street.still_frames]
    assert len(with_stops) >= 5
    shares = [len(street.still_frames) / street.frames for street in with_stops]
    assert min(shares) > 0.08
    assert max(shares) < 0.25
    passing = 0
    for street in with_stops:
        for frame in street.still_frames:
            np.testing.assert_array_equal(street.camera_pose(frame - 1), street.camera_pose(frame + 1))
            poses = zip(street.car_poses(frame - 1), street.car_poses(frame), strict=True)
            passing += any(not np.array_equal(before, now) for before, now in poses)
    assert passing > 20


def test_the_car_ahead_keeps_its_distance_for_long_stretches_in_most_drives(training_streets: list[Street]) -> None:
    following = 0
    for street in training_streets:
        leader = street.traffic.leader
        if leader is None:
            continue
        gap = leader.z - street.traffic.camera_z
        assert gap.min() > 6
        constant = np.abs(np.diff(gap)) < 1e-9
        following += constant.mean() > 0.5
    assert following >= 6


def test_every_situation_that_the_method_is_for_occurs_in_the_default_training_drives(
    training_streets: list[Street],
) -> None:
    materials = np.concatenate([street.static.material for street in training_streets])
    for material in set(Material):
        assert (materials == material).any(), material
    assert sum(len(street.traffic.oncoming) for street in training_streets) >= 10
    assert sum(any(street.road.parking) for street in training_streets) >= 6
    assert sum(street.sunlight == 0 for street in training_streets) >= 1
    assert sum(street.sunlight > 0 for street in training_streets) >= 1


def test_thin_posts_stand_close_to_the_way_of_the_camera(training_streets: list[Street]) -> None:
    close = 0
    for street in training_streets:
        static, way = street.static, street.traffic.camera_z
        posts = np.isin(static.material[static.start], (Material.METAL, Material.BARK))
        feet = static.corners[posts].mean(1)
        lane = street.road.centre(feet[:, 2]) + street.road.lane
        passed = (feet[:, 2] > way[0]) & (feet[:, 2] < way[-1] + 20)
        close += ((np.abs(feet[:, 0] - lane) < 4.5) & passed).sum()
    assert close > 60


def test_seeds_of_the_splits_are_disjoint_for_every_seed_of_a_set() -> None:
    seeds = set()
    for seed in range(3):
        description = Description(seed=seed, frames=3, size=(32, 96), partner=False, train=40, val=40, test=40)
        seeds |= {description.street_seed(split, index) for split in ("train", "val", "test") for index in range(40)}
    assert len(seeds) == 3 * 3 * 40


def test_exposure_changes_slowly(street: Street) -> None:
    gains = np.array([street.exposure(frame) for frame in range(street.frames)])
    assert gains.min() > 0.8
    assert gains.max() < 1.25
    assert np.abs(np.diff(gains)).max() < 0.03
