import math

import numpy as np
import pytest
import torch

from egodepth.geometry import transform_from_axis_angle
from egodepth.geometry.two_views import FEWEST, relative_pose


def seen(pose: torch.Tensor, seed: int, points: int = 400, noise: float = 0.0) -> tuple[torch.Tensor, torch.Tensor]:
    """Rays of the same points, 3 to 40 m away, in two views."""
    rng = np.random.default_rng(seed)
    z = rng.uniform(3, 40, points)
    at = torch.from_numpy(np.stack([rng.uniform(-0.8, 0.8, points) * z, rng.uniform(-0.3, 0.3, points) * z, z], 1))
    moved = at @ pose[:3, :3].T + pose[:3, 3]
    first, second = at / at[:, 2:], moved / moved[:, 2:]
    second[:, :2] += torch.from_numpy(rng.normal(0, noise, (points, 2)))
    return first, second


def degrees(cosine: torch.Tensor) -> float:
    return math.degrees(math.acos(float(cosine.clamp(-1, 1))))


def apart(found: torch.Tensor, true: torch.Tensor) -> tuple[float, float]:
    """Degrees between two rotations, and between two directions."""
    turn = found[:3, :3] @ true[:3, :3].T
    return degrees((turn.trace() - 1) / 2), degrees(found[:3, 3] @ true[:3, 3] / true[:3, 3].norm())


MOTIONS = [
    ([0.0, 0.0, 0.0], [0.0, 0.0, -1.3]),
    ([0.01, 0.06, -0.02], [0.05, -0.02, -1.3]),
    ([0.0, 0.02, 0.0], [0.02, 0.0, 1.3]),  # backwards
    ([0.0, 0.0, 0.01], [-0.54, 0.01, 0.0]),  # to the side
    ([0.02, 0.0, 0.0], [0.0, 0.6, 0.1]),  # down
]


@pytest.mark.parametrize(("turn", "shift"), MOTIONS)
def test_exact_points_give_the_exact_motion_whichever_way_it_goes(turn: list[float], shift: list[float]) -> None:
    pose = transform_from_axis_angle(torch.tensor(turn).double(), torch.tensor(shift).double())
    found = relative_pose(*seen(pose, 0))
    assert found is not None
    rotation, direction = apart(found, pose)
    assert rotation < 2e-4
    assert direction < 2e-3
    assert found[:3, 3].norm().item() == pytest.approx(1)


def test_noise_and_what_moves_by_itself_change_little() -> None:
    pose = transform_from_axis_angle(torch.tensor([0.0, 0.01, 0.0]).double(), torch.tensor([0.0, 0.0, -1.3]).double())
    errors = []
    for seed in range(10):
        first, second = seen(pose, seed, noise=2e-4)
        second[:80, 0] += 0.03  # a lorry that crosses
        second[80:200, :2] += torch.from_numpy(np.random.default_rng(seed).normal(0, 0.02, (120, 2)))  # wrong trees
        found = relative_pose(first, second)
        assert found is not None
        errors.append(apart(found, pose))
    assert np.median(errors, 0) == pytest.approx([0, 0], abs=0.35)
    assert np.max(errors, 0)[0] < 0.2


def test_half_of_the_points_on_a_lorry_that_draws_away_do_not_turn_the_motion_around() -> None:
    pose = transform_from_axis_angle(torch.zeros(3).double(), torch.tensor([0.0, 0.0, -1.3]).double())
    for seed in range(10):
        first, second = seen(pose, seed, noise=1e-4)
        lorry = first[:220] * torch.from_numpy(np.random.default_rng(seed).uniform(8, 12, (220, 1)))
        lorry[:, 2] += 0.4
        second[:220] = lorry / lorry[:, 2:]
        found = relative_pose(first, second)
        assert found is not None
        assert apart(found, pose)[1] < 3


def test_too_few_points_say_nothing() -> None:
    first, second = seen(torch.eye(4, dtype=torch.float64), 0, FEWEST - 1)
    assert relative_pose(first, second) is None
