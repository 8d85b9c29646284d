"""What passes between two pictures that is no motion: the same picture twice, another scene, a leap of the exposure."""

from collections import deque
from statistics import median

import numpy as np
from jaxtyping import Float32

from egodepth.data.footage.motion import Flow
from egodepth.data.samples.static_frames import brightness_ratio

CUT = 0.1
"""A cut is where fewer of the textured blocks are found again: of two streets 0 to 4 % look alike, of frames half a
second of driving apart 10 to 15 %, of neighbours 60 % and more."""
EXPOSURE_JUMP = 0.2
"""Doublings of the brightness from one frame to the next that are too many: 15 %."""
_SAME, _SAME_MOST = 0.05, 1.0
"""Mean difference in grey levels: surely the same picture; never the same picture."""
_SAME_SHARE = 0.15
"""Between the two: the same if the difference is below this share of what is usual. A copy is encoded anew, and so is
not quite equal; the noise of a standing camera is equal from frame to frame."""
_USUAL = 15
"""Frames that say what is usual."""


def is_cut(flow: Flow) -> bool:
    """Whether the second picture is one of something else."""
    return flow.matched < CUT


def exposure_change(first: Float32[np.ndarray, "h w"], second: Float32[np.ndarray, "h w"]) -> float:
    """How much brighter the second image is, in doublings."""
    return -float(np.log2(brightness_ratio(first, second)))


def sharpness(grey: Float32[np.ndarray, "h w"]) -> float:
    """Variance of the Laplacian (Pech-Pacheco et al. 2000), grey levels²."""
    if min(grey.shape) < 3:
        return 0.0
    middle = grey[1:-1, 1:-1]
    return float((grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * middle).var())


class Duplicates:
    """Finds pictures that are there twice, as in a container of 60 frames a second of footage with 30."""

    def __init__(self) -> None:
        """Nothing is usual yet."""
        self._usual: deque[float] = deque(maxlen=_USUAL)

    def same(self, first: Float32[np.ndarray, "h w"], second: Float32[np.ndarray, "h w"]) -> bool:
        """Whether the second picture is the first one once more."""
        difference = float(np.abs(second - first).mean())
        usual = median(self._usual) if self._usual else 0.0
        if difference < max(_SAME, min(_SAME_SHARE * usual, _SAME_MOST)):
            return True
        self._usual.append(difference)
        return False

    def forget(self) -> None:
        """After a standstill or a cut, other differences are usual."""
        self._usual.clear()
