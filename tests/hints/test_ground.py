from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from egodepth.data.media.frame_numbers import FrameNumbers
from egodepth.geometry import Camera, viewing_rays
from egodepth.hints.ground import Road, impossible, road_of
from egodepth.hints.known import KnownDrive, KnownDrives
from egodepth.hints.store import HintMaps
from hints.map_scenes import map_of, point_at

SIZE = (96, 320)
CAMERA = Camera(torch.tensor([0.58, 1.92]), torch.tensor([0.5, 0.48]))
HEIGHT = 1.65


def road(pitch_deg: float = 1.0, height: float = HEIGHT) -> np.ndarray:
    """Inverse depth of a road, 0 above its horizon."""
    pitch = np.radians(pitch_deg)
    plane = np.array([0, np.cos(pitch), np.sin(pitch)]) / height
    batched = Camera(CAMERA.focal[None].double(), CAMERA.centre[None].double())
    return np.tensordot(plane, viewing_rays(batched, SIZE)[0].numpy(), 1).clip(0, None).astype(np.float32)


CAR = np.s_[58:80, 140:180]


def with_car(depth: float, **of_the_road: float) -> np.ndarray:
    hint = road(**of_the_road)
    hint[CAR] = 1 / depth
    return hint


def a_road(**of_the_road: float) -> Road:
    found = road_of(lambda _: road(**of_the_road), range(50), CAMERA)
    assert found is not None
    return found


def test_the_road_is_that_of_the_frames_and_judges_twelve_heights():
    found = road_of(lambda _: with_car(60.0), range(50), CAMERA)
    assert found is not None
    assert found.height == pytest.approx(HEIGHT, rel=0.02)
    near = road() > 1 / (12 * HEIGHT)
    np.testing.assert_allclose(found.inverse_depth[near], road()[near], rtol=0.02)
    np.testing.assert_allclose(found.limit[near], road()[near], rtol=0.02)
    assert (found.limit[road() < 0.95 / (12 * HEIGHT)] == 0).all()  # far ahead nothing is judged
    assert (found.inverse_depth[:40] == 0).all()  # above the horizon there is no road


def test_a_car_that_moves_along_and_seems_far_lies_under_the_road():
    hidden = impossible(with_car(60.0), a_road())
    assert hidden[CAR].mean() > 0.9
    hidden[CAR] = False
    assert not hidden.any()


def test_a_car_that_comes_and_seems_near_hovers():
    hidden = impossible(with_car(2.5), a_road())
    below = road()[CAR] > 0
    assert hidden[CAR][below].all()
    hidden[CAR] = False
    assert not hidden.any()


def test_a_few_wrong_hints_on_a_parked_car_do_not_cost_it():
    hint = with_car(float(1 / road()[CAR][-1].mean()))
    for rows, costs_it in ((slice(62, 65), False), (slice(62, 68), True)):
        hint[rows, CAR[1]] = road()[rows, CAR[1]]  # as far away as the road that the car hides
        assert bool(impossible(hint, a_road()).any()) is costs_it


def test_what_stands_on_the_road_or_hangs_above_the_camera_is_possible():
    standing = 1 / road()[CAR][-1].mean()  # its foot is its lowest row
    assert not impossible(with_car(float(standing)), a_road()).any()
    sign = road()
    sign[10:30, 140:180] = 1 / 5
    assert not impossible(sign, a_road()).any()
    assert not impossible(np.zeros(SIZE, np.float32), a_road()).any()  # where nothing is known


@pytest.mark.parametrize(("clearance_m", "kept"), [(0.25, True), (0.55, True), (0.9, False)])
def test_cars_and_lorries_may_have_their_clearance_and_a_barrier_is_lost(clearance_m: float, kept: bool):
    depth = 6.0
    hint = road()
    body = (road() > 0) & (road() < (1 - clearance_m / HEIGHT) / depth)
    body[:, :140] = body[:, 180:] = False
    hint[body] = 1 / depth
    assert bool(impossible(hint, a_road()).any()) is not kept


def test_plain_asphalt_shows_a_road_at_its_markings_alone():
    markings = np.zeros(SIZE, np.float32)
    for left, right in ((120, 124), (196, 200)):
        markings[:, left:right] = road()[:, left:right]
    found = road_of(lambda _: markings, range(50), CAMERA)
    assert found is not None
    near = road() > 1 / (12 * HEIGHT)
    np.testing.assert_allclose(found.inverse_depth[near], road()[near], rtol=0.02)


def test_a_camera_that_nods_a_little_has_a_road_and_one_in_the_hand_has_none():
    rng = np.random.default_rng(0)
    nodding, swaying = (rng.normal(1, sigma, 50) for sigma in (0.5, 3.0))
    found = road_of(lambda frame: road(pitch_deg=nodding[frame]), range(50), CAMERA)
    assert found is not None
    assert not impossible(road(), found).any()
    assert (found.limit <= found.inverse_depth * 1.001).all()
    beyond = [(road(pitch_deg=pitch) < found.limit * 0.99).any() for pitch in nodding]
    assert 0 < np.mean(beyond) < 0.3, "about a tenth of the frames have a farther road"
    assert road_of(lambda frame: road(pitch_deg=swaying[frame]), range(50), CAMERA) is None
    heights = rng.uniform(0.8, 2.4, 50)
    assert road_of(lambda frame: road(height=heights[frame]), range(50), CAMERA) is None


@pytest.mark.parametrize("frames", [range(0), range(1), range(50)])
def test_without_a_road_nothing_is_judged(frames: range):
    wall = np.full(SIZE, 0.1, np.float32)
    assert road_of(lambda _: wall, frames, CAMERA) is None
    assert road_of(lambda _: np.zeros(SIZE, np.float32), frames, CAMERA) is None
    assert (road_of(lambda _: road(), frames, CAMERA) is None) == (len(frames) < 2)


def test_hints_under_the_road_are_none_and_the_road_is_handed_on(tmp_path: Path):
    maps = HintMaps(tmp_path / "sweep", 1, SIZE, {})
    maps.write(0, with_car(60.0))
    clip_map = replace(map_of([point_at(0.5, 0.5, 9)]), frames=np.array([7]))
    drive = KnownDrive(FrameNumbers.of([7]), clip_map, (maps,), None, metric=False)
    before, after = (KnownDrives([replace(drive, roads=roads)], SIZE).hints(0, 7) for roads in ({}, {0: a_road()}))
    gone = (before.inverse_depth > 0) & (after.inverse_depth == 0)
    assert gone[CAR].all()
    gone[CAR] = False
    assert not gone.any()
    assert torch.equal(after.weight > 0, after.inverse_depth > 0)
    assert before.road.shape == (0, SIZE[1])
    np.testing.assert_array_equal(after.road, a_road().limit)


def test_a_drive_without_a_road_beside_one_that_has_it_is_not_judged(tmp_path: Path):
    maps = HintMaps(tmp_path / "sweep", 1, SIZE, {})
    maps.write(0, road())
    clip_map = replace(map_of([point_at(0.5, 0.5, 9)]), frames=np.array([7]))
    drive = KnownDrive(FrameNumbers.of([7]), clip_map, (maps,), None, metric=False)
    known = KnownDrives([drive, replace(drive, roads={0: a_road()})], SIZE)
    assert known.hints(0, 7).road.shape == SIZE
    assert not known.hints(0, 7).road.any()
    assert known.hints(1, 7).road.any()
