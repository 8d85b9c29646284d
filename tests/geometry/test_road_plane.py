import math

import numpy as np
import pytest
import torch
from torch import Tensor

from egodepth.geometry import Camera, viewing_rays
from egodepth.geometry.road_plane import camera_height

CAMERA = Camera(torch.tensor([0.58, 1.92]), torch.tensor([0.5, 0.48]))
SIZE = (96, 320)


def a_road(height: float, pitch_deg: float = 0.0, roll_deg: float = 0.0) -> Tensor:
    """Inverse depth of a plane below the camera; above the horizon that of a wall far away."""
    rays = viewing_rays(Camera(CAMERA.focal[None].double(), CAMERA.centre[None].double()), SIZE)[0]
    pitch, roll = math.radians(pitch_deg), math.radians(roll_deg)
    normal = torch.tensor([math.sin(roll), math.cos(roll) * math.cos(pitch), math.cos(roll) * math.sin(pitch)])
    return (torch.einsum("c,chw->hw", normal.double(), rays) / height).clamp(min=0.02 / height).float()


def with_noise(road: Tensor, seed: int, share: float = 0.05) -> Tensor:
    """Smooth relative errors, as networks make them, and some of single pixels."""
    rng = torch.Generator().manual_seed(seed)
    coarse = torch.randn(1, 1, 6, 20, generator=rng)
    smooth = torch.nn.functional.interpolate(coarse, SIZE, mode="bicubic")[0, 0]
    return road * (1 + share * smooth + 0.5 * share * torch.randn(SIZE, generator=rng)).clamp(min=0.2)


@pytest.mark.parametrize(("pitch", "roll"), [(0, 0), (5, 0), (-1, 2), (0, -4)])
def test_the_height_over_a_plane_is_exact_whatever_the_camera_tilts(pitch: float, roll: float) -> None:
    assert camera_height(a_road(0.31, pitch, roll), CAMERA) == pytest.approx(0.31, rel=1e-4)


def test_noise_moves_it_by_little_and_not_to_one_side() -> None:
    heights = np.array([camera_height(with_noise(a_road(0.31), seed), CAMERA, seed) for seed in range(20)], float)
    assert np.abs(heights / 0.31 - 1).max() < 0.06
    assert np.median(heights) == pytest.approx(0.31, rel=0.015)


def test_a_car_on_a_quarter_of_the_road_does_not_matter() -> None:
    road = a_road(0.31)
    road[50:80, 80:150] = 0.9
    assert camera_height(road, CAMERA) == pytest.approx(0.31, rel=0.02)


def test_cars_side_by_side_ahead_do_not_tilt_the_road() -> None:
    """Their backs hide half of it, and near their feet they are about as far away as the road is."""
    road = a_road(0.31)
    for columns in (slice(80, 160), slice(180, 240)):
        road[:74, columns] = road[74, 160]
    assert camera_height(road, CAMERA) == pytest.approx(0.31, rel=0.01)


def test_where_there_is_no_road_there_is_no_height() -> None:
    assert camera_height(torch.full(SIZE, 0.4), CAMERA) is None  # a wall
    assert camera_height(torch.rand(SIZE) + 0.1, CAMERA) is None
    road = a_road(0.31)
    road[55:, 60:260] = 2.0  # a lorry close ahead
    assert camera_height(road, CAMERA) is None


def test_the_same_image_gives_the_same_height() -> None:
    noisy = with_noise(a_road(0.31), 0)
    assert camera_height(noisy, CAMERA, 3) == camera_height(noisy, CAMERA, 3)
