import math

import numpy as np
import pytest
import torch

from egodepth.data.footage.motion import Flow, block_flow, shows_something
from egodepth.data.footage.rotation import parallax, turn_flow
from egodepth.data.samples.static_frames import small_grey
from footage_scenes import SIZE, noisy, pan, street


def flow_of(images: list[np.ndarray]) -> Flow:
    return block_flow(*(small_grey(image) for image in images))


@pytest.mark.parametrize("pixels", [0, 0.25, 1, 3.5, 10, 30, 70])
@pytest.mark.parametrize("disturbed", [False, True])
def test_a_shift_is_found_however_small_or_large(pixels: float, disturbed: bool) -> None:
    images = pan([100, 100 + pixels])
    if disturbed:
        images = noisy([images[0], np.clip(images[1] * 1.2, 0, 255)])
    flow = flow_of(images)
    assert flow.known
    np.testing.assert_allclose(np.median(flow.shift, 0) * SIZE[1], [-pixels, 0], atol=0.03 + 0.01 * pixels)
    assert flow.displacement() * SIZE[1] == pytest.approx(pixels, abs=0.1 + 0.01 * pixels)


def test_blocks_are_where_the_image_has_them() -> None:
    flow = flow_of(street([0, 4]))
    top, bottom = (flow.position[:, 1] * SIZE[1] < -34), (flow.position[:, 1] * SIZE[1] > 34)
    assert np.median(flow.shift[top, 0]) * SIZE[1] == pytest.approx(-1.2, abs=0.15)
    assert np.median(flow.shift[bottom, 0]) * SIZE[1] == pytest.approx(-8, abs=0.4)
    assert np.abs(flow.position).max(0) == pytest.approx([0.5 - 3 / 96, 0.25], abs=0.05)


def test_another_scene_is_not_followed() -> None:
    flow = flow_of([pan([0])[0], pan([0], seed=3)[0]])
    assert flow.matched < 0.1
    assert not flow.known
    assert flow.displacement() == flow.least == parallax(flow) == float("inf")


def test_where_there_is_no_texture_nothing_is_said() -> None:
    blank = np.full((60, 80), 90, np.float32)
    assert math.isnan(block_flow(blank, blank).matched)
    assert not shows_something(blank)
    assert shows_something(small_grey(pan([0])[0]))


@pytest.mark.parametrize("shape", [(1, 1), (5, 40), (8, 8), (9, 31), (200, 9)])
def test_any_size_is_looked_at(shape: tuple[int, int]) -> None:
    grey = np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32)
    flow = block_flow(grey, grey)
    assert len(flow.shift) == len(flow.position)
    if flow.known:
        assert flow.displacement() < 1e-3


def test_a_turn_leaves_nothing_and_a_drive_does() -> None:
    turned, driven = flow_of(pan([100, 108])), flow_of(street([0, 8]))
    assert parallax(turned) < 0.1 * turned.displacement()
    assert parallax(driven) > 0.4 * driven.displacement()


@pytest.mark.parametrize("focal", [0.55, 0.8, 1.5])
def test_a_true_turn_by_a_degree_about_any_axis_is_explained(focal: float) -> None:
    rng = np.random.default_rng(0)
    position = rng.uniform([-0.5, -0.28], [0.5, 0.28], (200, 2))
    axis = torch.from_numpy(rng.normal(size=3))
    axis = axis / axis.norm() * math.radians(1)
    skew = torch.tensor([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    points = np.concatenate([position, np.full((200, 1), focal)], 1) @ torch.linalg.matrix_exp(skew).numpy().T
    shift = points[:, :2] / points[:, 2:] * focal - position
    flow = Flow(position.astype(np.float32), shift.astype(np.float32), 1.0)
    assert parallax(flow) < 0.05 * flow.displacement()
    # And forward, past points 3 to 30 widths away, nothing is.
    forward = -position * 0.02 / rng.uniform(0.1, 1, (200, 1))
    flow = Flow(position.astype(np.float32), forward.astype(np.float32), 1.0)
    assert parallax(flow) > 0.7 * flow.displacement()


def test_what_moves_in_front_of_a_turning_camera_changes_little() -> None:
    position = np.random.default_rng(0).uniform(-0.5, 0.5, (200, 2)).astype(np.float32)
    shift = (turn_flow(position, 0.75) @ np.array([0.02, 0.004, 0.01])).astype(np.float32)
    shift[:60] += 0.03
    assert parallax(Flow(position, shift, 1.0)) < 0.001
