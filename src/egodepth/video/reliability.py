"""Compare the errors that were expected with the ones that were found."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from egodepth.video.error_model import ErrorModel

LIMITS = 0.05, 0.1, 0.2, 0.4
"""Relative errors at which shares are compared."""
_GROUPS = 10
"""Number of groups of equal size in a diagram, by the expected error."""
_STEPS = 100
"""Number of shares at which a sparsification curve is evaluated."""


@dataclass(frozen=True)
class Share:
    """Pixels that are said to be within a limit: those whose expected error, a median, is at most the limit."""

    limit: float
    pixels: float
    """Their share of all pixels."""
    said: float | None
    """Share of them whose error is stated to be within the limit; None without any."""
    found: float | None
    """Share of them whose error is within the limit."""


def shares(model: ErrorModel, expected: Float[np.ndarray, " n"], errors: Float[np.ndarray, " n"]) -> tuple[Share, ...]:
    """Return the stated and the found shares at all `LIMITS`."""
    return tuple(_share(model, expected, errors, limit) for limit in LIMITS)


def _share(
    model: ErrorModel, expected: Float[np.ndarray, " n"], errors: Float[np.ndarray, " n"], limit: float
) -> Share:
    chosen = expected <= limit
    if not chosen.any():
        return Share(limit, 0.0, None, None)
    said = float(model.share_within(expected[chosen], limit).mean())
    return Share(limit, float(chosen.mean()), said, float((errors[chosen] <= limit).mean()))


@dataclass(frozen=True)
class Groups:
    """Groups of pixels of equal size, of ascending expected error."""

    limit: float
    said: tuple[float, ...]
    """Share of each group whose error is stated to be within the limit."""
    found: tuple[float, ...]


def grouped(
    model: ErrorModel, expected: Float[np.ndarray, " n"], errors: Float[np.ndarray, " n"], limit: float
) -> Groups:
    """Return the stated and the found shares of groups of pixels: a reliability diagram."""
    order = np.argsort(expected, kind="stable")
    groups = [group for group in np.array_split(order, _GROUPS) if len(group)]
    said = tuple(float(model.share_within(expected[group], limit).mean()) for group in groups)
    return Groups(limit, said, tuple(float((errors[group] <= limit).mean()) for group in groups))


def sparsification_area(doubt: Float[np.ndarray, " n"], errors: Float[np.ndarray, " n"]) -> float:
    """Return the area between two curves: mean error of the share that is kept, by a doubt and by the true errors.

    It is 0 if the doubt orders the pixels like their errors (AUSE; Ilg et al. 2018, there over the share that is
    removed). It has the unit of the errors.
    """
    kept = np.ceil(np.linspace(1 / _STEPS, 1, _STEPS) * len(errors)).astype(np.int64)
    own, best = (
        np.cumsum(errors[np.argsort(by, kind="stable")].astype(np.float64))[kept - 1] / kept for by in (doubt, errors)
    )
    return float((own - best).mean())


def half_kept(doubt: Float[np.ndarray, " n"], errors: Float[np.ndarray, " n"]) -> float:
    """Return the mean error of the half with the least doubt."""
    return float(errors[np.argsort(doubt, kind="stable")[: (len(errors) + 1) // 2]].mean())
