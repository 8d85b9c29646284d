"""A camera over a road that is a plane of noise; what moves along with it is painted at one place of all frames."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from egodepth.geometry import Camera
from egodepth.geometry.road_plane import exact_rays
from egodepth.hints.contact import Neighbour, contact_hint
from egodepth.hints.ground import Road

CAMERA = Camera(torch.tensor([0.58, 1.92]), torch.tensor([0.5, 0.48]))
HEIGHT, STEP = 1.65, 0.9
SIZE = (96, 320)
NOISE = gaussian_filter(np.random.default_rng(0).uniform(0, 1, (512, 512, 3)), (2, 2, 0))
NOISE = (NOISE - NOISE.min()) / (NOISE.max() - NOISE.min())
CAR = np.s_[52:71, 140:180]
PAINT = np.random.default_rng(1).uniform(0, 1, (19, 40, 3))


def level(size: tuple[int, int] = SIZE) -> Road:
    """Under a level camera."""
    inverse_depth = np.clip(exact_rays(CAMERA, size).numpy()[1] / HEIGHT, 0, None).astype(np.float32)
    return Road(inverse_depth, inverse_depth * (inverse_depth * HEIGHT > 1 / 12), HEIGHT)


ROAD = level().inverse_depth
NOTHING = np.zeros(SIZE, np.float32)


def frame(step: int, noise: bool = True, line: bool = False, size: tuple[int, int] = SIZE) -> np.ndarray:
    """The image after so many steps ahead; the sky is plain."""
    road, rays = level(size).inverse_depth, exact_rays(CAMERA, size).numpy()
    depth = 1 / np.where(road > 0, road, np.inf)
    across, along = rays[0] * depth, depth + STEP * step
    texture = NOISE[(along * 12).astype(int) % 512, (across * 12).astype(int) % 512]
    image = np.where((road > 0)[..., None], texture if noise else np.full(3, 0.4), 0.8)
    if line:
        image[(road > 0) & (np.abs(across - 1.6) < 0.15)] = 1.0
    return image


def hint_of(frames: dict[int, np.ndarray], hint: np.ndarray | None = None) -> np.ndarray:
    images = {step: torch.from_numpy(image).permute(2, 0, 1).float() for step, image in frames.items()}
    neighbours = []
    for step, image in images.items():
        pose = torch.eye(4)
        pose[2, 3] = -STEP * step
        if step:
            neighbours.append(Neighbour(image, pose))
    size = frames[0].shape[:2]
    return contact_hint(
        images[0], neighbours, CAMERA, level(size), np.zeros(size, np.float32) if hint is None else hint
    )


def with_car(image: np.ndarray, where: tuple[slice, slice] = CAR, paint: np.ndarray = PAINT) -> np.ndarray:
    painted = image.copy()
    painted[where] = paint
    return painted


STEPS = (-2, -1, 0, 1, 2)


@pytest.mark.parametrize("scale", [1, 2])
@pytest.mark.parametrize("bottom", [66, 71, 78, 86])
def test_a_vehicle_that_moves_along_is_as_far_away_as_its_foot(scale: int, bottom: int):
    size = (96 * scale, 320 * scale)
    height = bottom - 48
    where = np.s_[50 * scale : bottom * scale, (160 - height) * scale : (160 + height) * scale]
    paint = np.random.default_rng(1).uniform(0, 1, frame(0, size=size)[where].shape)
    found = hint_of({step: with_car(frame(step, size=size), where, paint) for step in STEPS})
    road = level(size).inverse_depth
    below_horizon = road[where] > 0.05 / HEIGHT
    assert (found[where] > 0)[below_horizon].mean() > 0.9
    np.testing.assert_allclose(found[found > 0], road[where[0].stop - 1, 0], rtol=0.03)
    around = np.zeros(size, bool)
    around[where[0].start - 2 : where[0].stop + 1, where[1].start - 2 : where[1].stop + 2] = True
    assert not found[~around].any()


@pytest.mark.parametrize("where", [np.s_[52:71, 6:46], np.s_[52:71, 274:314], np.s_[56:92, 120:200]])
def test_a_gap_between_a_vehicle_and_the_edge_of_the_image_stays(where: tuple[slice, slice]):
    paint = np.random.default_rng(1).uniform(0, 1, frame(0)[where].shape)
    found = hint_of({step: with_car(frame(step), where, paint) for step in STEPS})
    np.testing.assert_allclose(found[found > 0], ROAD[where[0].stop - 1, 0], rtol=0.03)
    outside = np.ones(SIZE, bool)
    outside[where[0].start - 2 : where[0].stop + 1, max(0, where[1].start - 2) : where[1].stop + 2] = False
    assert found.any()
    assert not found[outside].any()


def test_its_middle_may_be_plain():
    paint = PAINT.copy()
    paint[2:-3, 4:-4] = 0.1
    found = hint_of({step: with_car(frame(step), paint=paint) for step in STEPS})
    assert (found[CAR] > 0)[8:].mean() > 0.9


def test_the_road_itself_is_none_and_nor_is_a_line_along_it():
    assert not hint_of({step: frame(step) for step in STEPS}).any()
    assert not hint_of({step: frame(step, noise=False, line=True) for step in STEPS}).any()
    drifting = {step: np.roll(frame(step, noise=False, line=True), step % 2, 1) for step in STEPS}
    assert not hint_of(drifting).any(), "a line that poses do not quite explain has no second side"


def test_what_other_hints_see_stands():
    frames = {step: with_car(frame(step)) for step in STEPS}
    assert not hint_of(frames, np.full(SIZE, 0.1, np.float32)).any()
    few = NOTHING.copy()
    few[CAR[0], CAR[1].start : CAR[1].start + 4] = 0.1
    assert hint_of(frames, few).any()


@pytest.mark.parametrize(
    "where",
    [np.s_[66:71, 140:180], np.s_[52:71, 155:160], np.s_[52:71, 60:260]],
    ids=["a bump on the road", "a post", "wider than a lorry"],
)
def test_what_has_not_the_shape_of_a_vehicle_is_none(where):
    paint = np.random.default_rng(2).uniform(0, 1, frame(0)[where].shape)
    assert not hint_of({step: with_car(frame(step), where, paint) for step in STEPS}).any()


def test_a_vehicle_that_the_lower_edge_cuts_is_at_the_edge_at_most():
    low = np.s_[60:96, 120:200]
    paint = np.random.default_rng(3).uniform(0, 1, frame(0)[low].shape)
    found = hint_of({step: with_car(frame(step), low, paint) for step in STEPS})
    np.testing.assert_allclose(found[found > 0], ROAD[-1, 0], rtol=0.08)
    assert (found[low] > 0).mean() > 0.8


def test_a_camera_that_stands_and_a_frame_alone_have_none():
    assert not hint_of({0: with_car(frame(0))}).any()
    still = torch.from_numpy(with_car(frame(0))).permute(2, 0, 1).float()
    assert not contact_hint(still, [Neighbour(still, torch.eye(4))] * 2, CAMERA, level(), NOTHING).any()
