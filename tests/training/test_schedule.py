import math
from itertools import pairwise

import pytest

from egodepth.config import OptimiserConfig
from egodepth.training.schedule import head_start, learning_rate, learning_rates


def rates(steps: int, **options: object) -> list[float]:
    return [learning_rate(step, steps, OptimiserConfig(**options)) for step in range(steps)]


def test_the_published_schedule_drops_to_a_tenth_after_three_quarters():
    assert rates(20, learning_rate=1e-4) == pytest.approx([1e-4] * 15 + [1e-5] * 5)


def test_the_drop_can_be_moved_or_left_out():
    assert rates(4, learning_rate=1.0, drop_at=0.5) == pytest.approx([1, 1, 0.1, 0.1])
    assert rates(4, learning_rate=1.0, drop_at=1.0) == pytest.approx([1, 1, 1, 1])
    assert rates(4, learning_rate=1.0, drop_at=0.0) == pytest.approx([0.1] * 4)


def test_the_cosine_warms_up_in_a_line_and_falls_to_nearly_nothing():
    found = rates(100, learning_rate=1.0, schedule="cosine", warmup=0.1)
    assert found[:10] == pytest.approx([(step + 1) / 11 for step in range(10)])
    assert found[10] == 1.0
    assert found[55] == pytest.approx(0.5)
    assert found[99] == pytest.approx(0.5 * (1 + math.cos(math.pi * 89 / 90)))
    assert all(later < earlier for earlier, later in pairwise(found[10:]))


def test_the_cosine_needs_no_warm_up():
    assert rates(2, learning_rate=1.0, schedule="cosine", warmup=0.0) == pytest.approx([1, 0.5])


def test_no_schedule_ever_gives_a_rate_of_zero_or_above_its_peak():
    for options in ({"schedule": "step"}, {"schedule": "cosine"}, {"schedule": "cosine", "warmup": 0.99}):
        for steps in (1, 2, 7):
            assert all(0 < rate <= 1 for rate in rates(steps, learning_rate=1.0, **options))


def test_without_a_head_start_both_networks_have_the_same_rate():
    config = OptimiserConfig(learning_rate=1.0, schedule="cosine")
    for step in range(10):
        assert learning_rates(step, 10, config) == (learning_rate(step, 10, config),) * 2


def test_after_the_poses_head_start_the_depth_network_runs_the_whole_schedule_in_what_is_left():
    config = OptimiserConfig(learning_rate=1.0, schedule="cosine", pose_first=0.2)
    assert head_start(10, config) == 2
    depth, pose = zip(*(learning_rates(step, 10, config) for step in range(10)), strict=True)
    assert depth == (0.0, 0.0, *(learning_rate(step, 8, config) for step in range(8)))
    assert pose == tuple(learning_rate(step, 10, config) for step in range(10))
