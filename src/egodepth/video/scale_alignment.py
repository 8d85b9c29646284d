"""Bring all frames of a recording to one scale, and measure the flicker of depth with and without it.

A network that was trained with adaptive depth-range scaling predicts each frame's depth up to a factor, and
neighbouring factors are independent. A frame's depth and the camera's motion predict the next frame's depth, which
gives the ratio of the two factors. The factors that cancel these ratios are found for the whole row together.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64

MEMORY_SECONDS = 1.0
"""Time over which differences of scale are corrected. Over longer times the network's own scale is kept, because the
errors of single differences add up."""


_TAIL = 0.9
"""Quantile of a frame's pixels that shows the tail of the flicker."""


@dataclass(frozen=True)
class Flicker:
    """Flicker: |log| of each frame's depth over the depth that the frame before it and the motion predict.

    NaN without a next frame, and where it was not measured.
    """

    middle: Float64[np.ndarray, " n"]
    """From each frame to the next, for the median pixel."""
    tail: Float64[np.ndarray, " n"]
    """The same for the pixel at the 90th percentile."""

    @classmethod
    def of(cls, changes: list[Float[np.ndarray, " _"]], factors: Float64[np.ndarray, " n"] | None = None) -> "Flicker":
        """Return the flicker of some changes of log depth (`depth_change`), with the frames' factors on depth."""
        middle, tail = np.full(len(changes), np.nan), np.full(len(changes), np.nan)
        logs = np.zeros(len(changes)) if factors is None else np.log(factors)
        for place, change in enumerate(changes):
            known = change[np.isfinite(change)].astype(np.float64)
            if len(known):
                size = np.abs(known + logs[place + 1] - logs[place])
                middle[place], tail[place] = np.median(size), np.quantile(size, _TAIL)
        return cls(middle, tail)

    def typical(self) -> tuple[float, float]:
        """Return the medians over the recording, of the median pixel and of the tail; NaN without any pair."""
        return _median_of_known(self.middle), _median_of_known(self.tail)


def _median_of_known(values: Float[np.ndarray, " n"]) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else float("nan")


def typical_changes(changes: list[Float[np.ndarray, " _"]]) -> Float64[np.ndarray, " n"]:
    """Return the median log change of depth from each frame to the next; NaN without one."""
    medians = np.full(len(changes), np.nan)
    for place, change in enumerate(changes):
        known = change[np.isfinite(change)]
        if len(known):
            medians[place] = np.median(known)
    return medians


def aligned_factors(changes: Float64[np.ndarray, " n"], memory: float) -> Float64[np.ndarray, " n"]:
    """Return the factor on the depth of each frame.

    It is the least-squares solution of log_factor[t + 1] - log_factor[t] = -change[t]. Each log factor is pulled to 0
    with a strength that lets a difference decay within about `memory` frames. A change that all frames of a row share
    (the same depth error in every frame) is no flicker and is not corrected.

    Args:
        changes: median log change from each frame to the next; NaN means none, which ends a row.
        memory: frames.
    """
    logs = np.zeros(len(changes))
    begin = 0
    for place, change in enumerate(changes):
        if np.isnan(change):
            row = changes[begin:place]
            if len(row):
                logs[begin : place + 1] = _solved(row - _shared(row), memory**-2)
            begin = place + 1
    return np.exp(logs)


def _shared(changes: Float64[np.ndarray, " m"]) -> float:
    """Return the change that all frames of a row share: the slope of their cumulative sum, by least squares."""
    total = np.concatenate([[0.0], np.cumsum(changes)])
    frames = np.arange(len(total)) - (len(total) - 1) / 2
    return float(frames @ total / (frames @ frames))


def _solved(changes: Float64[np.ndarray, " m"], pull: float) -> Float64[np.ndarray, " m+1"]:
    """Solve the tridiagonal normal equations by Thomas' algorithm."""
    right = np.zeros(len(changes) + 1)
    right[:-1] += changes
    right[1:] -= changes
    diagonal = np.full(len(right), 2 + pull)
    diagonal[[0, -1]] = 1 + pull
    for place in range(1, len(right)):
        share = 1 / diagonal[place - 1]
        diagonal[place] -= share
        right[place] += share * right[place - 1]
    right[-1] /= diagonal[-1]
    for place in range(len(right) - 2, -1, -1):
        right[place] = (right[place] + right[place + 1]) / diagonal[place]
    return right
