from collections.abc import Callable

import numpy as np
import pytest
import torch

from egodepth.geometry import Camera
from egodepth.video.depth_maps import FrameMaps
from egodepth.video.error_cues import ClipCues, Cues, explained_share

SIZE = (32, 64)
CAMERA = Camera(torch.tensor([1.0, 2.0]), torch.tensor([0.5, 0.5]))
FRAMES, WALL, STEP = 5, 4.0, 0.1


def frame_of(place: int, depth: np.ndarray | float = WALL, row: int = 0, **cues: float) -> FrameMaps:
    """A frame of a wall, which depth and motion explain by four fifths."""
    values = {"disagreement": 0.0, "residual": 0.02, "unwarped": 0.1} | cues
    evidence = (np.full(SIZE, value, np.float16) for value in values.values())
    inverse_depth = np.broadcast_to(np.float32(1) / np.float32(depth), SIZE).copy()
    return FrameMaps(0.1 * place, row, inverse_depth, *evidence, np.zeros(4, np.float16))


def clip(make: Callable[[int], FrameMaps] = frame_of, sideways: float = STEP, reach: int = 1) -> ClipCues:
    """A camera that moves sideways."""

    def motion(here: int, there: int) -> torch.Tensor:
        there_from_here = torch.eye(4)
        there_from_here[0, 3] = -sideways * (there - here)
        return there_from_here

    rows = np.array([make(place).row for place in range(FRAMES)])
    return ClipCues(make, None, motion, rows, CAMERA, reach)


def cues(make: Callable[[int], FrameMaps] = frame_of, place: int = 2, **changes: float) -> Cues:
    return clip(make, **changes).of(place)


def test_a_wall_that_all_frames_agree_on_has_little_against_it():
    found = cues()
    assert set(found) == {"mirror", "unexplained", "slope", "inconsistency", "parallax"}
    assert max(found[name].max() for name in ("mirror", "slope", "inconsistency")) < 1e-5
    np.testing.assert_allclose(found["unexplained"], 0.2, atol=1e-3)


def test_parallax_is_the_shift_by_the_cameras_motion_in_percent_of_the_width():
    np.testing.assert_allclose(cues()["parallax"], 100 * STEP / WALL, rtol=1e-5)
    np.testing.assert_allclose(cues(reach=2)["parallax"], 200 * STEP / WALL, rtol=1e-5)
    assert cues(sideways=0.0)["parallax"].max() == 0


def test_a_frame_at_another_depth_is_inconsistent_with_its_neighbours_by_the_ratio():
    other = cues(lambda place: frame_of(place, WALL * (1.5 if place == 2 else 1.0)))
    np.testing.assert_allclose(other["inconsistency"], np.log(1.5), rtol=1e-4)
    beside = cues(lambda place: frame_of(place, WALL * (1.5 if place == 1 else 1.0)))
    np.testing.assert_allclose(beside["inconsistency"][:, 8:-8], np.log(1.5) / 2, rtol=1e-4)


def test_slope_is_the_change_of_log_depth_for_one_percent_of_the_width_and_reaches_around():
    depth = np.exp(0.01 * np.arange(SIZE[1]))
    np.testing.assert_allclose(cues(lambda place: frame_of(place, depth))["slope"], 0.0064, rtol=1e-3)
    edge = np.where(np.arange(SIZE[1]) < 32, 2.0, 4.0)
    near = cues(lambda place: frame_of(place, edge))["slope"][0] > 0
    np.testing.assert_array_equal(np.flatnonzero(near), np.arange(29, 35))


def test_where_no_neighbour_sees_a_pixel_the_frames_typical_value_counts():
    found = cues(lambda place: frame_of(place, WALL * (1.5 if place == 2 else 1.0)), sideways=2.0)
    assert np.isfinite(found["inconsistency"]).all()
    assert found["inconsistency"].std() < 1e-4


def test_a_frame_without_pose_has_the_worst_values():
    found = cues(lambda place: frame_of(place, row=-1, residual=np.nan))
    assert np.isposinf(found["inconsistency"]).all()
    assert np.isposinf(found["unexplained"]).all()
    assert np.isneginf(found["parallax"]).all()


def test_neighbours_are_read_once():
    read = []

    def make(place: int) -> FrameMaps:
        read.append(place)
        return frame_of(place)

    whole = clip(make)
    read.clear()
    for place in range(FRAMES):
        whole.of(place)
    assert read == list(range(FRAMES))


@pytest.mark.parametrize(("residual", "explained"), [(0.0, 1.0), (0.05, 0.5), (0.1, 0.0), (0.3, -2.0)])
def test_the_explained_share_is_what_warping_takes_from_the_error(residual: float, explained: float):
    np.testing.assert_allclose(explained_share(frame_of(0, residual=residual)), explained, atol=2e-3)


def test_the_explained_share_is_unknown_where_no_neighbour_sees_or_nothing_changes():
    maps = frame_of(0)
    maps.residual[:8] = np.nan
    maps.unwarped[-8:], maps.residual[-8:] = 0, 0
    known = np.isfinite(explained_share(maps))
    assert known[10:-10].all()
    assert not known[:8].any()
    assert not known[-6:].any()
