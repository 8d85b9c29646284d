"""Detect frame pairs without real motion: duplicates, cuts, and jumps of the exposure."""

from collections import deque
from statistics import median

import numpy as np
from jaxtyping import Float32

from egodepth.data.footage.motion import Flow
from egodepth.data.samples.static_frames import brightness_ratio

CUT = 0.1
"""Least share of textured blocks that are found again; below it is a cut. Two different streets match by 0 to 4 %,
frames half a second of driving apart by 10 to 15 %, neighbours by 60 % and more."""
EXPOSURE_JUMP = 0.2
"""Brightness change between two frames, in doublings, that counts as a jump: 15 %."""
_SAME, _SAME_MOST = 0.05, 1.0
"""Mean difference in grey levels: below the first always the same picture, above the second never."""
_SAME_SHARE = 0.15
"""Between the two limits: the same picture if the difference is below this share of the usual one. A duplicate is
encoded anew and differs slightly; the noise of a standing camera has the same size in every frame."""
_USUAL = 15
"""Number of frames that define the usual difference."""


def is_cut(flow: Flow) -> bool:
    """Whether the second picture shows another scene."""
    return flow.matched < CUT


def exposure_change(first: Float32[np.ndarray, "h w"], second: Float32[np.ndarray, "h w"]) -> float:
    """Return how much brighter the second image is, in doublings."""
    return -float(np.log2(brightness_ratio(first, second)))


def sharpness(grey: Float32[np.ndarray, "h w"]) -> float:
    """Return the variance of the Laplacian (Pech-Pacheco et al. 2000), grey levels²."""
    if min(grey.shape) < 3:
        return 0.0
    middle = grey[1:-1, 1:-1]
    return float((grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * middle).var())


class Duplicates:
    """Detector of duplicate pictures, such as in a 60 Hz container of 30 Hz footage."""

    def __init__(self) -> None:
        """Start without a usual difference."""
        self._usual: deque[float] = deque(maxlen=_USUAL)

    def same(self, first: Float32[np.ndarray, "h w"], second: Float32[np.ndarray, "h w"]) -> bool:
        """Whether the second picture repeats the first one."""
        difference = float(np.abs(second - first).mean())
        usual = median(self._usual) if self._usual else 0.0
        if difference < max(_SAME, min(_SAME_SHARE * usual, _SAME_MOST)):
            return True
        self._usual.append(difference)
        return False

    def forget(self) -> None:
        """Forget the usual difference, after a standstill or a cut."""
        self._usual.clear()
