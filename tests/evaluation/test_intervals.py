import numpy as np
import pytest

from egodepth.evaluation.intervals import Interval, bootstrap_intervals


def test_the_interval_of_a_mean_has_the_width_that_theory_says() -> None:
    values = np.random.default_rng(1).normal(3.0, [1.0, 4.0], (400, 2))
    for column, (low, high) in zip(values.T, bootstrap_intervals(values), strict=True):
        assert (low + high) / 2 == pytest.approx(column.mean(), abs=0.02 * column.std())
        assert high - low == pytest.approx(2 * 1.96 * column.std() / np.sqrt(400), rel=0.08)


def test_about_95_of_100_intervals_hold_the_true_mean() -> None:
    generator = np.random.default_rng(2)
    held = [low < 0 < high for low, high in bootstrap_intervals(generator.normal(0, 1, (60, 400)))]
    assert 0.91 < np.mean(held) < 0.98


def test_one_image_has_no_spread_and_the_draw_is_always_the_same() -> None:
    assert bootstrap_intervals(np.array([[2.0]])) == [Interval(2.0, 2.0)]
    values = np.random.default_rng(3).random((9, 3))
    assert bootstrap_intervals(values) == bootstrap_intervals(values)


@pytest.mark.parametrize(("low", "high", "excludes"), [(-1, 1, False), (0.1, 1, True), (-1, -0.1, True)])
def test_an_interval_excludes_zero_or_does_not(low: float, high: float, excludes: bool) -> None:
    assert Interval(low, high).excludes_zero is excludes
