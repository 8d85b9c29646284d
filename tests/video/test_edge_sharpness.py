import numpy as np
import pytest

from egodepth.video.edge_sharpness import edge_slopes
from video.cloud.cloud_scenes import BOX_NEAR, SIZE, WALL, box_on, smoothed


def scene(box_x: float = 0.0) -> np.ndarray:
    return (1 / box_on(np.full(SIZE, WALL), box_x=box_x)).astype(np.float32)


def test_a_step_has_half_its_height_as_slope():
    before, after = edge_slopes(scene(), scene())
    assert before == after == pytest.approx(np.log(WALL / BOX_NEAR) / 2, rel=0.1)  # corners are steeper


def test_a_blurred_edge_is_softer_and_a_moved_one_is_not():
    before, blurred = edge_slopes(scene(), smoothed(scene(), 1).astype(np.float32))
    assert blurred < 0.8 * before
    before, moved = edge_slopes(scene(), np.roll(scene(), 1, 1))
    assert moved == pytest.approx(before, rel=0.02)


def test_a_flat_map_has_no_slope():
    flat = np.full(SIZE, 0.1, np.float32)
    assert edge_slopes(flat, flat) == (0, 0)
