import numpy as np
import pytest

from egodepth.video.confidence import model_for
from egodepth.video.reliability import LIMITS, grouped, half_kept, shares, sparsification_area


def drawn(factor: float = 1.0, count: int = 40_000) -> tuple[np.ndarray, np.ndarray]:
    """Expected errors, and errors with exactly the stated distribution, times a factor."""
    rng = np.random.default_rng(0)
    model = model_for(hints=True)
    rows = rng.integers(0, len(model.medians), count)
    levels = rng.uniform(0, 1, count)
    logs = [
        np.interp(level, model.levels, np.log(model.quantiles[row])) for row, level in zip(rows, levels, strict=True)
    ]
    return model.medians[rows], factor * np.exp(logs)


def test_errors_of_the_stated_distribution_are_found_as_stated():
    expected, errors = drawn()
    for share in shares(model_for(hints=True), expected, errors):
        assert share.said == pytest.approx(share.found, abs=0.02)
    # The distribution ends at its outer levels, so that the last 2.5 % are not told apart.
    for groups in (grouped(model_for(hints=True), expected, errors, limit) for limit in LIMITS):
        np.testing.assert_allclose(groups.said, groups.found, atol=0.03)


def test_errors_that_are_larger_than_stated_are_found_to_be():
    expected, errors = drawn(factor=2.0)
    within = shares(model_for(hints=True), expected, errors)
    said, found = (np.array([getattr(share, side) for share in within], float) for side in ("said", "found"))
    assert (said - found).min() > 0.02


def test_pixels_said_to_be_within_a_limit_are_those_of_which_most_are_expected_to_be():
    expected, errors = np.array([0.01, 0.04, 0.2, 0.3]), np.array([0.02, 0.06, 0.01, 0.5])
    five, ten, twenty, forty = shares(model_for(hints=True), expected, errors)
    assert (five.pixels, five.found) == (0.5, 0.5)
    assert (ten.pixels, ten.found) == (0.5, 1.0)
    assert twenty.pixels == pytest.approx(0.75)
    assert (forty.pixels, forty.found) == (1.0, 0.75)
    nothing = shares(model_for(hints=True), np.full(3, 0.07), np.ones(3))[0]
    assert (nothing.pixels, nothing.said, nothing.found) == (0.0, None, None)


def test_the_area_is_zero_for_the_right_order_and_largest_for_the_reverse():
    errors = np.random.default_rng(0).exponential(0.1, 5000)
    chance = np.random.default_rng(1).uniform(size=5000)
    assert sparsification_area(errors**2, errors) == pytest.approx(0, abs=1e-12)
    # All shares kept by chance have the mean error; the best ones are the areas below the quantile function.
    exact = errors.mean() - np.mean(
        [np.sort(errors)[: round(5000 * share)].mean() for share in np.arange(1, 101) / 100]
    )
    assert sparsification_area(chance, errors) == pytest.approx(exact, rel=0.1)
    assert sparsification_area(-errors, errors) > 1.5 * exact


def test_the_surer_half_is_the_one_of_the_least_doubt():
    assert half_kept(np.array([3.0, 1.0, 2.0, 4.0]), np.array([9.0, 1.0, 2.0, 9.0])) == 1.5
