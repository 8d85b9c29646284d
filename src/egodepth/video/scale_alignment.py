"""One scale for all frames of a recording, and how much depth flickers with it and without it.

Trained with adaptive depth-range scaling, a network says each frame's depth up to a factor that nothing holds to the
neighbours'. What a frame's depth and the camera's motion make of the next frame shows how far the two factors are
apart; the factors that undo it are found for the whole row together.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64

MEMORY_SECONDS = 1.0
"""Over this time differences of scale are believed; over longer ones it is the network that is believed, as the errors
of single differences add up."""


@dataclass(frozen=True)
class Flicker:
    """How far the depth of neighbouring frames is apart, share of the depth, typical pixel."""

    before: Float[np.ndarray, " n"]
    """From each frame to the next, as predicted; NaN where there is no next."""
    after: Float[np.ndarray, " n"]
    """With the frames' factors, or as it is shown; NaN where it was not measured, too."""

    def typical(self) -> tuple[float, float]:
        """Medians over the recording, before and after; NaN without any pair."""
        return _median_of_known(self.before), _median_of_known(self.after)


def _median_of_known(values: Float[np.ndarray, " n"]) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else float("nan")


def typical_changes(changes: list[Float[np.ndarray, " _"]]) -> Float64[np.ndarray, " n"]:
    """The median log change of depth from each frame to the next; NaN where there is none."""
    medians = np.full(len(changes), np.nan)
    for place, change in enumerate(changes):
        known = change[np.isfinite(change)]
        if len(known):
            medians[place] = np.median(known)
    return medians


def aligned_factors(changes: Float64[np.ndarray, " n"], memory: float) -> Float64[np.ndarray, " n"]:
    """What the depth of each frame is to be multiplied by.

    The least-squares solution of log_factor[t + 1] - log_factor[t] = -change[t], each frame's pulled to 0 with a
    strength under which a difference is forgotten after about `memory` frames. A change that a whole row shares (depth
    that errs in the same way in every frame) is no flicker and left out.

    Args:
        changes: median log change from each frame to the next; NaN: none, which ends a row.
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
    """The change that all frames of a row share: the slope of what they add up to, by least squares."""
    total = np.concatenate([[0.0], np.cumsum(changes)])
    frames = np.arange(len(total)) - (len(total) - 1) / 2
    return float(frames @ total / (frames @ frames))


def _solved(changes: Float64[np.ndarray, " m"], pull: float) -> Float64[np.ndarray, " m+1"]:
    """Thomas' algorithm for the tridiagonal normal equations."""
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


def flicker(changes: list[Float[np.ndarray, " _"]], factors: Float64[np.ndarray, " n"]) -> Flicker:
    """Typical |log| difference of reprojected depth from each frame to the next, without and with factors."""
    before, after = np.full(len(changes), np.nan), np.full(len(changes), np.nan)
    logs = np.log(factors)
    for place, change in enumerate(changes):
        known = change[np.isfinite(change)].astype(np.float64)
        if len(known):
            before[place] = np.median(np.abs(known))
            after[place] = np.median(np.abs(known + logs[place + 1] - logs[place]))
    return Flicker(before, after)
