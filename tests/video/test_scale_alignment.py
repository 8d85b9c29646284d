import numpy as np
import pytest

from egodepth.video.scale_alignment import Flicker, aligned_factors, typical_changes


def changes_of(factors: np.ndarray, count: int = 40) -> list[np.ndarray]:
    """What frames of one true scale say of each other when each one's depth was multiplied by a factor."""
    steps = np.diff(np.log(factors))
    spread = np.random.default_rng(0).normal(0, 0.01, (len(steps), count))
    return [*(step + noise - np.median(noise) for step, noise in zip(steps, spread, strict=True)), np.empty(0)]


def test_jumps_of_the_scale_are_undone():
    jumps = np.exp(np.random.default_rng(1).normal(0, 0.1, 60))
    factors = aligned_factors(typical_changes(changes_of(jumps)), memory=1000.0)
    assert np.abs(np.diff(np.log(factors * jumps))).max() < 3e-3 < 0.3 < np.abs(np.diff(np.log(jumps))).max()


def test_a_change_that_a_whole_row_shares_is_left_alone():
    growing = 1.02 ** np.arange(50)
    np.testing.assert_allclose(aligned_factors(typical_changes(changes_of(growing)), memory=25.0), 1.0, atol=1e-9)


def test_over_longer_times_the_network_is_believed():
    slow = np.exp(0.2 * np.sin(np.arange(400) / 400 * 2 * np.pi))
    jump = np.where(np.arange(400) % 2, 1.05, 1 / 1.05)
    factors = aligned_factors(typical_changes(changes_of(slow * jump)), memory=20.0)
    middle = slice(50, -50)
    assert np.abs(np.log(factors * jump)[middle]).max() < 0.03  # the fast jumps are gone, the slow swing is still there


def test_the_tridiagonal_solution_is_that_of_the_whole_matrix():
    changes, pull = np.random.default_rng(2).normal(0, 0.1, 9), 25.0**-2
    difference = np.diff(np.eye(10), axis=0)
    centred = changes - np.polyfit(np.arange(10), np.append(0, np.cumsum(changes)), 1)[0]
    expected = np.linalg.solve(difference.T @ difference + pull * np.eye(10), -difference.T @ centred)
    found = aligned_factors(np.append(changes, np.nan), memory=25.0)
    np.testing.assert_allclose(np.log(found), expected, atol=1e-12)


def test_a_row_that_ends_does_not_pull_at_the_next_one():
    first, second = np.array([1.0, 1.3, 0.9, 1.2]), np.array([2.0, 1.0, 3.0])
    changes = typical_changes([*changes_of(first), *changes_of(second)])
    alone = [aligned_factors(typical_changes(changes_of(row)), memory=10.0) for row in (first, second)]
    np.testing.assert_allclose(aligned_factors(changes, memory=10.0), np.concatenate(alone))


def test_flicker_is_what_is_left_between_neighbours():
    jumps = np.exp(np.random.default_rng(3).normal(0, 0.1, 60))
    changes = changes_of(jumps)
    before, _ = Flicker.of(changes).typical()
    assert before == pytest.approx(np.median(np.abs(np.diff(np.log(jumps)))), rel=0.15)
    after, tail = Flicker.of(changes, aligned_factors(typical_changes(changes), memory=1000.0)).typical()
    # The median and the 90th percentile of the |noise|, which is normal with a standard deviation of 0.01.
    assert after == pytest.approx(0.00674, rel=0.15)
    assert tail == pytest.approx(0.01645, rel=0.15)


def test_a_recording_of_single_frames_has_no_flicker_figure():
    changes = [np.empty(0), np.array([np.nan, np.nan])]
    factors = aligned_factors(typical_changes(changes), memory=10.0)
    assert factors.tolist() == [1.0, 1.0]
    assert np.isnan(Flicker.of(changes, factors).typical()).all()
