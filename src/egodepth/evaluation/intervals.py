"""Bootstrap confidence intervals of a mean over images, for one model and for the difference of two."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

LEVEL = 0.95
_RESAMPLES = 2000


class Interval(NamedTuple):
    """Confidence interval of a mean: 95 % of other samples of as many images have their mean in it."""

    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether a difference is larger than the choice of images explains."""
        return self.low > 0 or self.high < 0


def bootstrap_intervals(values: Float[np.ndarray, "n k"], seed: int = 0) -> list[Interval]:
    """Return percentile intervals of the means of k metrics over n images (Efron 1979), from 2000 resamples.

    Whole images are resampled. The images of one drive are similar, so for another choice of drives the intervals are
    too narrow.
    """
    images = len(values)
    counts = np.random.default_rng(seed).multinomial(images, np.full(images, 1 / images), _RESAMPLES)
    means = counts @ np.asarray(values, np.float64) / images
    tails = 50 * (1 - LEVEL), 50 * (1 + LEVEL)
    return [Interval(float(low), float(high)) for low, high in np.percentile(means, tails, axis=0).T]
