"""Many noisy factors to one, and how sure it is.

The factor is the median of all frames' factors, whose errors are anything but independent: neighbours show the same
street, and drives differ. So the interval does not come from frames but from blocks of frames in a row, and from
drives where there are several, whichever is wider; a few blocks tell little of their own scatter, so that it is mixed
with what is usual (`PRIOR`), and Student's quantile is taken. What was given (a height, a speed) has an error of its
own, which no number of frames averages away, and so has the model, whose depth is distorted: both are added in
quadrature.
"""

from collections.abc import Iterable
from itertools import groupby, pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from egodepth.foundation.errors import InputError

FEWEST = 3
"""Fewer frames say nothing of their scatter."""
POSSIBLE = (1e-3, 1e4)
"""Metres in a unit: beyond these something else is wrong."""
WIDEST = 0.5
"""A relative spread that makes a factor worthless."""
_BLOCKS = 10
_NORMAL = 1.959964
"""Of 95 %, two-sided."""
_MEDIAN = 1.2533
"""A median's standard error over that of a mean (normal errors: the root of pi / 2)."""


class Prior(NamedTuple):
    """Scatter that is usual, relative, and how many blocks it counts as."""

    scatter: float
    weight: float
    block: int = 1
    """Samples in a row that a block has at least."""


PRIOR = Prior(0.05, 3.0, 4)
"""Of blocks of frames: per-frame scales of self-supervised models scatter by 8 to 10 % (sigma_scale, Godard et al.
2019, Table 8), medians of some frames by half of that. Weight and block are so that 95 % intervals cover nine in ten
even of 12 frames whose errors have a memory of 0.8 a frame (tests/scale/test_estimates.py)."""


class Measured(NamedTuple):
    """What a source found."""

    drives: tuple[str, ...]
    """Of each factor, in order."""
    factors: Float64[np.ndarray, " n"]
    """Metres in a unit of the model's depth, one a frame, pair or distance."""
    asked: int
    """How many were looked at, those without an answer included."""


class Combined(NamedTuple):
    """One factor, and how sure it is; all but the factor are relative."""

    factor: float
    spread: float
    """Half of the 95 % interval: the next three in quadrature."""
    statistical: float
    given: float
    """95 % error of the known length itself."""
    distortion: float
    """95 % difference of the median factor of what was looked at from that of all pixels."""
    scatter: float
    """Standard deviation of single frames, robust: 1.4826 times the median absolute deviation."""
    samples: int
    asked: int
    drives: int


def gathered(found: Iterable[tuple[str, float | None]]) -> Measured:
    """(drive, factor or None) of everything that was looked at, in order."""
    items = list(found)
    usable = [(drive, factor) for drive, factor in items if factor is not None and np.isfinite(factor) and factor > 0]
    return Measured(tuple(d for d, _ in usable), np.array([f for _, f in usable], np.float64), len(items))


def combined(
    measured: Measured, given: float, prior: Prior = PRIOR, fewest: int = FEWEST, distortion: float = 0.0
) -> Combined:
    """The median factor and its spread.

    Args:
        measured: what a source found.
        given: 95 % error of what was given, relative.
        prior: usual scatter of blocks.
        fewest: how many factors are needed.
        distortion: 95 % difference of what was looked at from all pixels, relative.

    Raises:
        InputError: too few, an absurd factor, or one that is hardly known.
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
    """Half of the 95 % interval of the median: from samples, from blocks or from drives, whichever says most."""
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
    """Student's half interval of the median of values whose variance has a prior (scaled inverse chi-squared)."""
    freedom = prior.weight + len(values) - 1
    squares = np.square(values - values.mean()).sum() + prior.weight * prior.scatter**2
    over_mean = _MEDIAN if len(values) > 2 else 1.0
    return student_quantile(freedom) * over_mean * float(np.sqrt(squares / freedom / len(values)))


def _inflation(blocks: list[list[float]]) -> float:
    """By what neighbouring blocks that resemble each other widen an interval: that of an AR(1) process."""
    middle = np.mean(np.concatenate(blocks))
    pairs = [(a - middle) * (b - middle) for own in blocks for a, b in pairwise(own)]
    squares = [(a - middle) ** 2 for own in blocks for a in own]
    if len(pairs) < FEWEST or sum(squares) == 0:
        return 1.0
    # Of few blocks the correlation comes out too low by about 1 / their number (Kendall 1954).
    correlation = (sum(pairs) / len(pairs)) / (sum(squares) / len(squares)) + 1 / len(squares)
    correlation = min(max(correlation, 0.0), 0.6)
    return float(np.sqrt((1 + correlation) / (1 - correlation)))


def student_quantile(freedom: float) -> float:
    """Student's two-sided 95 % quantile by its expansion (Abramowitz and Stegun 1964, 26.7.5); from 2 on within 4 %."""
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
