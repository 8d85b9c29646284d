"""The relative error of depth that is expected from cues.

The logarithm of the error is a sum of one monotone curve for each cue. Quantiles of the errors at a given sum were
counted on rendered drives. `benchmarks/confidence.py` fits both, and writes `error_models.json`.
"""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Float32, Float64

from egodepth.foundation.errors import InputError
from egodepth.foundation.reading import parse_json
from egodepth.video.error_cues import DIRECTIONS, HINT_CUES, Cues

FILE = "error_models.json"
FORMAT = 1
OFFSET = 0.01
"""Added to an error before its logarithm is taken: smaller differences do not matter."""
WITHIN = 0.1
"""Relative error that `confidence` is the probability of not exceeding."""


class Adaptation(NamedTuple):
    """How the expected errors of one clip differ from the calibration: factor * expected error ** exponent."""

    factor: float
    exponent: float
    """0 to 1. 0: the cues tell nothing about this clip's errors."""

    @classmethod
    def of(cls, expected: Float64[np.ndarray, " n"], errors: Float64[np.ndarray, " n"]) -> "Adaptation":
        """Return the one of a clip's pixels: a line through the logarithms, through the median of the errors."""
        x, y = np.log(expected), np.log(errors + OFFSET)
        x_of_mean = x - x.mean()
        exponent = float(np.clip(x_of_mean @ y / max(x_of_mean @ x_of_mean, 1e-9), 0, 1))
        return cls(max(float(np.median(errors / expected**exponent)), 1e-3), exponent)


UNADAPTED = Adaptation(1.0, 1.0)


@dataclass(frozen=True)
class ErrorModel:
    """The errors that are expected in one situation, with or without hints."""

    curves: dict[str, tuple[Float64[np.ndarray, " k"], Float64[np.ndarray, " k"]]]
    """For each cue, its values in ascending order and their parts of the score. Beyond both ends it is constant."""
    scores: Float64[np.ndarray, " n"]
    """Ascending."""
    levels: Float64[np.ndarray, " m"]
    """Probabilities, ascending; .5 is among them."""
    quantiles: Float64[np.ndarray, "n m"]
    """Relative error that is not exceeded with these probabilities at these scores; ascending along both axes."""

    @property
    def medians(self) -> Float64[np.ndarray, " n"]:
        """Median error at each score. The first and the last are the smallest and largest error that can be stated."""
        return self.quantiles[:, int(np.searchsorted(self.levels, 0.5))]

    def score(self, cues: Cues) -> Float64[np.ndarray, "*shape"]:
        """Return the sum of the curves."""
        return np.sum([np.interp(cues[name], *curve) for name, curve in self.curves.items()], axis=0)

    def expected_error(self, cues: Cues, adapted: Adaptation = UNADAPTED) -> Float32[np.ndarray, "*shape"]:
        """Return the median relative error of depth at pixels with such cues, within the range of `medians`."""
        logs = np.log(self.medians)
        expected = adapted.exponent * np.interp(self.score(cues), self.scores, logs) + np.log(adapted.factor)
        return np.exp(expected.clip(logs[0], logs[-1])).astype(np.float32)

    def share_within(self, expected: Float[np.ndarray, "*shape"], limit: float) -> Float32[np.ndarray, "*shape"]:
        """Return the probability that the relative error is at most a limit, where an error is expected.

        It falls as the expected error grows. At the expected error itself it is about one half.
        """
        shares = [np.interp(np.log(limit), np.log(errors), self.levels, left=0) for errors in self.quantiles]
        return np.interp(np.log(expected), np.log(self.medians), shares).astype(np.float32)

    @classmethod
    def of(cls, content: dict[str, Any]) -> "ErrorModel":
        """Return the model with this JSON content; `ValueError`, `KeyError` or `TypeError` if it is damaged."""
        curves = {}
        for name, curve in content["curves"].items():
            at, part = (np.array(curve[key], np.float64) for key in ("at", "log_error"))
            if not (at.ndim == 1 and at.shape == part.shape and _rises(at) and _rises(DIRECTIONS[name] * part, 0.0)):
                raise ValueError(f"the curve of {name} is not monotone")
            curves[name] = at, part
        scores, levels = (np.array(content[key], np.float64) for key in ("scores", "levels"))
        quantiles = np.array(content["quantiles"], np.float64)
        if quantiles.shape != (len(scores), len(levels)) or not (_rises(scores) and _rises(levels) and 0.5 in levels):
            raise ValueError("quantiles, scores and levels do not fit")
        made = cls(curves, scores, levels, quantiles)
        if not (quantiles.min() > 0 and _rises(made.medians) and _rises(quantiles, 0.0) and _rises(quantiles.T, 0.0)):
            raise ValueError("the quantiles are not monotone")
        return made

    def content(self) -> dict[str, Any]:
        """Return the content of the JSON file."""
        curves = {
            name: {"at": at.round(6).tolist(), "log_error": part.round(4).tolist()}
            for name, (at, part) in self.curves.items()
        }
        scores, levels = self.scores.round(4).tolist(), self.levels.tolist()
        return {"curves": curves, "scores": scores, "levels": levels, "quantiles": self.quantiles.round(6).tolist()}


@dataclass(frozen=True)
class ErrorModels:
    """The models of both situations."""

    with_hints: ErrorModel
    """Depth that was corrected by the clip's own hints."""
    without_hints: ErrorModel
    """A model's prediction for a clip that it was not trained on, or that taught it by its images alone."""

    @classmethod
    def read(cls, path: Path) -> "ErrorModels":
        """Read a file; `InputError` if it is damaged or of another version."""
        try:
            content = parse_json(path.read_text())
            if content["format"] != FORMAT:
                raise ValueError("of another version")
            models = cls(*(ErrorModel.of(content[name]) for name in ("with_hints", "without_hints")))
            if models.with_hints.curves.keys() != DIRECTIONS.keys():
                raise ValueError("not these cues")
            if models.without_hints.curves.keys() != DIRECTIONS.keys() - HINT_CUES:
                raise ValueError("not these cues")
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{path}: no calibration that can be read ({error}); install egodepth again") from error
        return models


@cache
def error_models() -> ErrorModels:
    """Return the models of this package."""
    return ErrorModels.read(Path(str(files("egodepth.video").joinpath(FILE))))


def _rises(values: Float64[np.ndarray, "*shape"], least: float = 1e-12) -> bool:
    return bool(np.isfinite(values).all() and (np.diff(values, axis=0) >= least).all())
