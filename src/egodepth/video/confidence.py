"""How far the depth of a pixel can be trusted."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

from egodepth.video.error_cues import Cues
from egodepth.video.error_model import UNADAPTED, WITHIN, Adaptation, ErrorModel, error_models


class Trust(NamedTuple):
    """How far the displayed depth of a frame can be trusted, at the network's size."""

    expected_error: Float32[np.ndarray, "h w"]
    """Median relative error of depth at such pixels, after one scale for the clip."""
    confidence: Float32[np.ndarray, "h w"]
    """Probability that the relative error is at most `WITHIN`."""


def model_for(hints: bool) -> ErrorModel:
    """Return the calibration of depth with or without hints."""
    return error_models().with_hints if hints else error_models().without_hints


def trust(cues: Cues, hints: bool, adapted: Adaptation = UNADAPTED) -> Trust:
    """Return how far a frame with these cues can be trusted.

    Args:
        cues: its cues.
        hints: whether hints corrected its depth.
        adapted: to the clip.
    """
    model = model_for(hints)
    expected = model.expected_error(cues, adapted)
    return Trust(expected, model.share_within(expected, WITHIN))
