import numpy as np
import pytest

from egodepth.geometry import focal_of_fov
from egodepth.sfm.structures import Reconstruction
from egodepth.sfm.verdict import Verdict, fov_of, judge, spread


def found(
    focal: float = 800.0,
    parts: tuple[float, ...] = (790.0, 810.0, 800.0, 796.0),
    turn_deg: float = 30.0,
    frames: int = 40,
) -> Reconstruction:
    poses = np.tile(np.eye(4), (frames, 1, 1))
    for pose, angle in zip(poses, np.radians(np.linspace(0, turn_deg, frames)), strict=True):
        pose[0, 0], pose[0, 2], pose[2, 0], pose[2, 2] = np.cos(angle), np.sin(angle), -np.sin(angle), np.cos(angle)
    return Reconstruction(
        size=(500, 1000),
        focal_px=focal,
        centre_px=(500.0, 250.0),
        distortion=0.0,
        other_focal_px=focal,
        part_focals_px=parts,
        registered=tuple(range(frames)),
        world_from_camera=poses,
    )


def test_parts_that_agree_make_an_estimate_reliable():
    estimate = judge(found(), 40)
    assert estimate.verdict is Verdict.RELIABLE
    assert estimate.focal_widths == 0.8
    assert estimate.sigma_widths == pytest.approx(spread((790.0, 810.0, 800.0, 796.0)) / 1000)
    assert estimate.turned_deg == pytest.approx(30)
    assert estimate.fov_deg == pytest.approx(2 * np.degrees(np.arctan(0.5 / 0.8)))


def test_the_deviation_of_the_field_of_view_is_that_of_the_focal_length():
    estimate = judge(found(), 40)
    low, high = (fov_of(0.8 + sign * estimate.sigma_widths) for sign in (1, -1))
    assert estimate.fov_sigma_deg == pytest.approx((high - low) / 2, rel=1e-3)


def test_straight_driving_with_parts_that_differ_is_weak_and_says_why():
    estimate = judge(found(parts=(770.0, 840.0, 790.0, 810.0), turn_deg=2.0), 40)
    assert estimate.verdict is Verdict.WEAK
    assert "straight driving (it turns by 2.0 degrees)" in estimate.reason
    assert "disagree" in judge(found(parts=(770.0, 840.0, 790.0, 810.0)), 40).reason


def test_without_parts_to_compare_nothing_is_reliable():
    assert judge(found(parts=()), 40).verdict is Verdict.WEAK


@pytest.mark.parametrize(
    ("reconstruction", "why"),
    [
        (None, "could be put together"),
        (found(frames=10), "only 10 of 40 frames"),
        (found(parts=(400.0, 1600.0), turn_deg=1.0), "straight driving"),
        (found(turn_deg=0.5), "straight driving"),
        (found(focal=90.0), "disagree"),
    ],
)
def test_what_is_worse_than_a_guess_has_failed(reconstruction, why):
    estimate = judge(reconstruction, 40)
    assert estimate.verdict is Verdict.FAILED
    assert why in estimate.reason


def test_field_of_view_and_focal_length_are_inverse():
    assert fov_of(0.5) == pytest.approx(90)
    assert focal_of_fov(fov_of(0.83)) == pytest.approx(0.83)
