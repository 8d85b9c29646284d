import math
from itertools import pairwise

import pytest

from egodepth.config import OptimiserConfig
from egodepth.training.schedule import learning_rate


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
