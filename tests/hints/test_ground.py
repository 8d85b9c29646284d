from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from egodepth.data.frame_numbers import FrameNumbers
from egodepth.geometry import Camera, viewing_rays
from egodepth.hints.ground import road_of, under_the_road
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


def test_a_car_that_moves_along_and_seems_far_lies_under_the_road():
    found = road_of(lambda _: with_car(60.0), range(50), CAMERA)
    assert found is not None
    near = road() > 1 / (12 * HEIGHT)
    np.testing.assert_allclose(found[near], road()[near], rtol=0.02)
    assert (found[road() < 0.95 / (12 * HEIGHT)] == 0).all()  # far ahead nothing is judged
    hidden = under_the_road(with_car(60.0), found)
    assert hidden[CAR].mean() > 0.9
    hidden[CAR] = False
    assert not hidden.any()


def test_what_stands_on_the_road_is_no_error():
    found = road_of(lambda _: with_car(6.0), range(50), CAMERA)
    assert found is not None
    assert not under_the_road(with_car(6.0), found).any()
    assert not under_the_road(np.zeros(SIZE, np.float32), found).any()  # where nothing is known


def test_a_camera_that_nods_a_little_has_a_road_and_one_in_the_hand_has_none():
    rng = np.random.default_rng(0)
    nodding, swaying = (rng.normal(1, sigma, 50) for sigma in (0.5, 3.0))
    found = road_of(lambda frame: road(pitch_deg=nodding[frame]), range(50), CAMERA)
    assert found is not None
    assert not under_the_road(road(), found).any()
    assert road_of(lambda frame: road(pitch_deg=swaying[frame]), range(50), CAMERA) is None
    heights = rng.uniform(0.8, 2.4, 50)
    assert road_of(lambda frame: road(height=heights[frame]), range(50), CAMERA) is None


@pytest.mark.parametrize("frames", [range(0), range(1), range(50)])
def test_without_a_road_nothing_is_judged(frames: range):
    wall = np.full(SIZE, 0.1, np.float32)
    assert road_of(lambda _: wall, frames, CAMERA) is None
    assert road_of(lambda _: np.zeros(SIZE, np.float32), frames, CAMERA) is None
    assert (road_of(lambda _: road(), frames, CAMERA) is None) == (len(frames) < 2)


def test_hints_under_the_road_are_none(tmp_path: Path):
    maps = HintMaps(tmp_path / "sweep", 1, SIZE, {})
    maps.write(0, with_car(60.0))
    clip_map = replace(map_of([point_at(0.5, 0.5, 9)]), frames=np.array([7]))
    drive = KnownDrive(FrameNumbers.of([7]), clip_map, (maps,), None, metric=False)
    before, after = (KnownDrives([replace(drive, roads=roads)], SIZE).hints(0, 7) for roads in ({}, {0: road()}))
    gone = (before.inverse_depth > 0) & (after.inverse_depth == 0)
    assert gone[CAR].all()
    gone[CAR] = False
    assert not gone.any()
    assert torch.equal(after.weight > 0, after.inverse_depth > 0)
