"""Combine many noisy factors to one, with its uncertainty.

The factor is the median of all frames' factors. Their errors are not independent: neighbours show the same street, and
drives differ. So the interval comes not from frames but from blocks of consecutive frames, and from drives if there are
several, whichever is wider. A few blocks say little about their own scatter, so it is mixed with the usual one
(`PRIOR`), and Student's quantile is used. The given length (a height, a speed) has an error of its own that does not
average out. The model has one, too, because its depth is distorted. Both are added in quadrature.
"""

from collections.abc import Iterable
from itertools import groupby, pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from egodepth.foundation.errors import InputError

FEWEST = 3
"""Least number of frames that show a scatter."""
POSSIBLE = (1e-3, 1e4)
"""Possible range of metres per unit: outside of it something else is wrong."""
WIDEST = 0.5
"""Relative spread from which a factor is worthless."""
_BLOCKS = 10
_NORMAL = 1.959964
"""Two-sided 95 % quantile of the normal distribution."""
_MEDIAN = 1.2533
"""Ratio of the standard errors of a median and of a mean (normal errors: the root of pi / 2)."""


class Prior(NamedTuple):
    """Usual relative scatter, and the number of blocks that it counts as."""

    scatter: float
    weight: float
    block: int = 1
    """Least number of consecutive samples in a block."""


PRIOR = Prior(0.05, 3.0, 4)
"""Prior for blocks of frames: per-frame scales of self-supervised models scatter by 8 to 10 % (sigma_scale, Godard et
al. 2019, Table 8), medians of some frames by half of that. With this weight and block, 95 % intervals cover nine in ten
even for 12 frames whose errors have an autocorrelation of 0.8 per frame (tests/scale/test_estimates.py)."""


class Measured(NamedTuple):
    """Result of a source."""

    drives: tuple[str, ...]
    """Drive of each factor, in order."""
    factors: Float64[np.ndarray, " n"]
    """Metres per unit of the model's depth, one per frame, pair or distance."""
    asked: int
    """Number of measured samples, including those without a result."""


class Combined(NamedTuple):
    """One factor with its uncertainty; all fields except the factor are relative."""

    factor: float
    spread: float
    """Half of the 95 % interval: the next three fields in quadrature."""
    statistical: float
    given: float
    """95 % error of the known length itself."""
    distortion: float
    """95 % difference between the median factor of the measured pixels and that of all pixels."""
    scatter: float
    """Standard deviation of single frames, robust: 1.4826 times the median absolute deviation."""
    samples: int
    asked: int
    drives: int


def gathered(found: Iterable[tuple[str, float | None]]) -> Measured:
    """Return the usable factors of all (drive, factor or None), in order."""
    items = list(found)
    usable = [(drive, factor) for drive, factor in items if factor is not None and np.isfinite(factor) and factor > 0]
    return Measured(tuple(d for d, _ in usable), np.array([f for _, f in usable], np.float64), len(items))


def combined(
    measured: Measured, given: float, prior: Prior = PRIOR, fewest: int = FEWEST, distortion: float = 0.0
) -> Combined:
    """Return the median factor and its uncertainty.

    Args:
        measured: the result of a source.
        given: 95 % error of the given length, relative.
        prior: usual scatter of blocks.
        fewest: least number of factors.
        distortion: 95 % difference between the measured pixels and all pixels, relative.

    Raises:
        InputError: too few factors, an implausible one, or one with too large an uncertainty.
    """
    if len(measured.factors) < fewest:
        raise InputError(
            f"a scale was found in {len(measured.factors)} of {measured.asked} samples, and {fewest} are needed: give "
            "more frames, and check what was given and the camera"
        )
    logs = np.log(measured.factors)
    middle = float(np.median(logs))
    statistical = float(np.expm1(_half_interval(measured.drives, logs, prior)))
    result = Combined(
        factor=float(np.exp(middle)),
        spread=float(np.linalg.norm([statistical, given, distortion])),
        statistical=statistical,
        given=given,
        distortion=distortion,
        scatter=float(1.4826 * np.median(np.abs(logs - middle))),
        samples=len(logs),
        asked=measured.asked,
        drives=len(set(measured.drives)),
    )
    if not POSSIBLE[0] <= result.factor <= POSSIBLE[1]:
        raise InputError(
            f"a unit of this model's depth would be {result.factor:.3g} m: absurd; check what was given, its unit, and "
            "the camera"
        )
    if result.spread > WIDEST:
        raise InputError(
            f"a unit of this model's depth would be {result.factor:.3g} m +-{100 * result.spread:.0f} %: too uncertain "
            "to keep; give more frames, or another known length"
        )
    return result


def _half_interval(drives: tuple[str, ...], logs: Float64[np.ndarray, " n"], prior: Prior) -> float:
    """Return half of the 95 % interval of the median: from samples, from blocks or from drives, whichever is widest."""
    by_drive = [np.array([log for _, log in group]) for _, group in groupby(zip(drives, logs, strict=True), _first)]
    wanted = -(-_BLOCKS // len(by_drive))
    counts = [max(1, min(wanted, len(own) // prior.block)) for own in by_drive]
    blocks = [
        [float(np.median(part)) for part in np.array_split(own, count)]
        for own, count in zip(by_drive, counts, strict=True)
    ]
    half = _student_error(np.concatenate(blocks), prior) * _inflation(blocks)
    half = max(half, _student_error(logs, prior))
    if len(by_drive) > 1:
        half = max(half, _student_error(np.array([np.median(own) for own in by_drive]), prior))
    return half


def _student_error(values: Float64[np.ndarray, " b"], prior: Prior) -> float:
    """Return Student's half interval of the median of values whose variance has a scaled inverse chi-squared prior."""
    freedom = prior.weight + len(values) - 1
    squares = np.square(values - values.mean()).sum() + prior.weight * prior.scatter**2
    over_mean = _MEDIAN if len(values) > 2 else 1.0
    return student_quantile(freedom) * over_mean * float(np.sqrt(squares / freedom / len(values)))


def _inflation(blocks: list[list[float]]) -> float:
    """Return the factor by which correlated neighbouring blocks widen an interval, as for an AR(1) process."""
    middle = np.mean(np.concatenate(blocks))
    pairs = [(a - middle) * (b - middle) for own in blocks for a, b in pairwise(own)]
    squares = [(a - middle) ** 2 for own in blocks for a in own]
    if len(pairs) < FEWEST or sum(squares) == 0:
        return 1.0
    # For few blocks the correlation is underestimated by about 1 / their number (Kendall 1954).
    correlation = (sum(pairs) / len(pairs)) / (sum(squares) / len(squares)) + 1 / len(squares)
    correlation = min(max(correlation, 0.0), 0.6)
    return float(np.sqrt((1 + correlation) / (1 - correlation)))


def student_quantile(freedom: float) -> float:
    """Return Student's two-sided 95 % quantile by expansion (Abramowitz and Stegun, 26.7.5); from 2 on within 4 %."""
    z = _NORMAL
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / freedom**power for power, term in enumerate(terms, 1))


def _first(pair: tuple[str, float]) -> str:
    return pair[0]
