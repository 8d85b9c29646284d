"""Fit the relative error of depth that cues let expect (`egodepth.video.error_model`)."""

from itertools import pairwise

import numpy as np
from jaxtyping import Float64

from egodepth.video.error_cues import DIRECTIONS, Cues
from egodepth.video.error_model import OFFSET, ErrorModel

KNOTS = 8
"""Number of knots of a curve, at quantiles of its cue."""
_BINS = 20
"""Number of scores at which quantiles of the error are counted, with equally many pixels each."""
_LEVELS = np.array([0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975, 0.99])
_APART = 1e-3
"""Least difference of the logarithms of the median errors of neighbouring bins: the inverse needs one."""
_RIDGE = 1e-6


def fitted(cues: Cues, errors: Float64[np.ndarray, " n"]) -> ErrorModel:
    """Return the model of some pixels.

    The curves are piecewise linear and monotone. Non-negative least squares finds their steps from knot to knot, so
    that their sum is nearest to log(error + 1 %).
    """
    curves = _curves(cues, np.log(errors + OFFSET))
    score = sum((np.interp(cues[name], *curve) for name, curve in curves.items()), np.zeros(len(errors)))
    scores, quantiles = _counted(score, errors)
    return ErrorModel(curves, scores, _LEVELS, quantiles)


def _curves(
    cues: Cues, logs: Float64[np.ndarray, " n"]
) -> dict[str, tuple[Float64[np.ndarray, " k"], Float64[np.ndarray, " k"]]]:
    from scipy.optimize import nnls

    knots = {name: _knots(cue) for name, cue in cues.items()}
    columns = [np.ones(len(logs))]
    for name, at in knots.items():
        for begin, end in pairwise(at.tolist()):
            step = ((cues[name] - begin) / (end - begin)).clip(0, 1)
            columns.append(step if DIRECTIONS[name] > 0 else 1 - step)
    design = np.stack(columns, 1)
    normal = design.T @ design + _RIDGE * len(logs) * np.eye(design.shape[1])
    # The constant is free, the steps are not: a base far below all logs keeps the constant positive.
    steps = nnls(normal, design.T @ (logs - (logs.min() - 10)))[0][1:]
    curves = {}
    for name, at in knots.items():
        own, steps = steps[: len(at) - 1], steps[len(at) - 1 :]
        rising = np.cumsum(own) if DIRECTIONS[name] > 0 else own.sum() - np.cumsum(own)
        curves[name] = at, np.concatenate([[0.0 if DIRECTIONS[name] > 0 else own.sum()], rising])
    return curves


def _knots(cue: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, " k"]:
    """Return the knots of a curve; infinite values, which mean unknown, count as the outermost knot."""
    return np.unique(np.quantile(cue[np.isfinite(cue)], np.linspace(0.02, 0.98, KNOTS)).round(6))


def _counted(
    score: Float64[np.ndarray, " n"], errors: Float64[np.ndarray, " n"]
) -> tuple[Float64[np.ndarray, " b"], Float64[np.ndarray, "b m"]]:
    """Return the mean score of each bin, and the quantiles of its errors, made monotone over the bins."""
    edges = np.unique(np.quantile(score, np.linspace(0, 1, _BINS + 1)[1:-1]))  # pixels of one score share a bin
    bins = [member for place in range(len(edges) + 1) if (member := np.digitize(score, edges) == place).any()]
    scores = np.array([score[member].mean() for member in bins])
    logs = np.log(np.array([np.quantile(errors[member], _LEVELS) for member in bins]).clip(1e-6))
    apart = _APART * np.arange(len(bins))[:, None]
    return scores, np.exp(np.maximum.accumulate(logs - apart, axis=0) + apart)
