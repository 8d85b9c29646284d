import numpy as np
import pytest

from egodepth.foundation.errors import InputError
from egodepth.video.scale.estimates import FEWEST, Measured, combined, gathered, student_quantile

TRUE = 5.4


def a_measurement(
    seed: int, drives: int = 1, frames: int = 60, noise: float = 0.08, drift: float = 0.0, memory: float = 0.6
) -> Measured:
    """Factors of frames that resemble their neighbours, of drives that differ by `drift`."""
    rng = np.random.default_rng(seed)
    names, logs = [], []
    for drive in range(drives):
        error = rng.normal(0, noise)
        offset = rng.normal(0, drift)
        for _ in range(frames):
            error = memory * error + rng.normal(0, noise * np.sqrt(1 - memory**2))
            names.append(f"drive_{drive}")
            logs.append(np.log(TRUE) + offset + error)
    return Measured(tuple(names), np.exp(np.array(logs)), len(logs))


def test_the_factor_is_the_median_and_a_fifth_of_wild_frames_hardly_move_it() -> None:
    clean = a_measurement(0)
    factors = clean.factors.copy()
    factors[::5] *= np.where(np.arange(len(factors[::5])) % 2, 10, 0.1)
    assert combined(clean, 0.0).factor == pytest.approx(np.median(clean.factors))
    assert combined(clean._replace(factors=factors), 0.0).factor == pytest.approx(TRUE, rel=0.05)


@pytest.mark.parametrize(
    ("drives", "frames", "drift", "memory"),
    [
        (1, 60, 0.0, 0.6),
        (1, 60, 0.0, 0.8),
        (1, 12, 0.0, 0.8),
        (1, 6, 0.0, 0.6),
        (4, 20, 0.05, 0.6),
        (10, 20, 0.05, 0.6),
    ],
)
def test_the_spread_covers_the_error_in_at_least_nine_of_ten(
    drives: int, frames: int, drift: float, memory: float
) -> None:
    """Of frames with a memory, and of drives that differ."""
    results = [combined(a_measurement(seed, drives, frames, drift=drift, memory=memory), 0.0) for seed in range(100)]
    covered = [abs(result.factor / TRUE - 1) <= result.spread for result in results]
    assert np.mean(covered) >= 0.9
    assert np.mean([result.spread for result in results]) < 0.25


def test_more_frames_make_the_factor_surer_and_what_was_given_does_not_average_away() -> None:
    few, many = (np.mean([combined(a_measurement(s, frames=n), 0.03).spread for s in range(20)]) for n in (8, 400))
    assert 0.03 < many < few
    result = combined(a_measurement(0), 0.03)
    assert result.spread == pytest.approx(np.hypot(result.statistical, 0.03))


def test_the_scatter_is_that_of_single_frames() -> None:
    assert combined(a_measurement(0, frames=2000, memory=0.0), 0.0).scatter == pytest.approx(0.08, rel=0.1)


def test_what_was_not_found_is_left_out_and_counted() -> None:
    found = gathered([("a", 2.0), ("a", None), ("b", float("nan")), ("b", 2.2), ("b", -1.0), ("b", 2.1)])
    assert found.drives == ("a", "b", "b")
    assert found.asked == 6
    result = combined(found, 0.0)
    assert (result.samples, result.asked, result.drives) == (3, 6, 2)


@pytest.mark.parametrize(
    ("factors", "hint"),
    [
        ([2.0] * (FEWEST - 1), "2 of 2 samples, and 3 are needed"),
        ([1e6] * 9, "absurd"),
        ([1e-5] * 9, "absurd"),
        ([1.0, 30.0, 0.1, 8.0, 0.3, 20.0], "too uncertain"),
    ],
)
def test_what_cannot_be_used_is_refused(factors: list[float], hint: str) -> None:
    with pytest.raises(InputError, match=hint):
        combined(gathered([("a", factor) for factor in factors]), 0.01)


def test_students_quantiles_are_those_of_the_tables() -> None:
    for freedom, quantile in ((2.0, 4.303), (3.0, 3.182), (5.0, 2.571), (10.0, 2.228), (30.0, 2.042)):
        assert student_quantile(freedom) == pytest.approx(quantile, rel=0.01)
