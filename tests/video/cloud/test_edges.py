import numpy as np
import pytest

from egodepth.video.cloud.edges import flying_pixels, slope
from video.cloud.cloud_scenes import BOX_NEAR, SIZE, WALL, box_on, ground_and_wall, smeared


def flying(depth: np.ndarray, limit: float = 0.03, edge_px: int = 4) -> np.ndarray:
    inverse = (1 / depth).astype(np.float32)
    return flying_pixels(inverse, (slope(inverse, 0), slope(inverse, 1)), limit, edge_px)


def test_a_slanted_plane_has_its_slope_everywhere():
    plane = np.add.outer(np.arange(6) * 0.5, np.arange(7) * -0.25).astype(np.float32) + 9
    np.testing.assert_allclose(slope(plane, 0), 0.5)
    np.testing.assert_allclose(slope(plane, 1), -0.25)


def test_beside_an_edge_the_slope_is_that_of_the_own_surface():
    row = np.float32([[1, 2, 3, 50, 52, 54]])
    assert slope(row, 1).tolist() == [[1, 1, 1, 2, 2, 2]]


def test_a_peak_has_no_slope():
    assert slope(np.float32([[1, 5, 1]]), 1)[0, 1] == 0


def test_a_road_at_a_grazing_angle_flies_nowhere():
    depth = ground_and_wall()
    inverse = 1 / depth
    steepest = np.abs(np.diff(inverse, axis=0) / inverse[1:]).max()
    assert steepest > 2 * 0.03  # so steep that a limit of the slope alone would take it away
    assert not flying(depth).any()


def test_sharp_edges_lose_nothing():
    assert not flying(box_on(np.full(SIZE, WALL))).any()


@pytest.mark.parametrize("passes", [1, 2])
def test_what_hangs_between_the_box_and_the_wall_is_found(passes: int):
    depth = smeared(box_on(np.full(SIZE, WALL)), passes)
    hanging = (depth > 1.15 * BOX_NEAR) & (depth < 0.85 * WALL)
    found = flying(depth)
    assert hanging.sum() > 40
    assert found[hanging].mean() > 0.9
    assert not found[(depth < 1.001 * BOX_NEAR) | (depth > 0.999 * WALL)].any()


def test_a_thin_pole_keeps_its_middle():
    depth = np.full(SIZE, WALL)
    depth[:, 40:43] = BOX_NEAR
    assert not flying(depth).any()
    assert not flying(smeared(depth, 1))[:, 41].any()
    assert flying(smeared(depth, 1))[:, [39, 43]].all()
