"""Compare a point cloud with a true one."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from egodepth.foundation.errors import InputError, require


class CloudScores(NamedTuple):
    """Distances are in the unit of the clouds; shares are 0 to 1 (Aanaes et al. 2016; Knapitsch et al. 2017)."""

    accuracy_mean: float
    """Distance from a found point to the nearest true one."""
    accuracy_median: float
    completeness_mean: float
    """Distance from a true point to the nearest found one."""
    precision: float
    """Share of the found points with a true one within the threshold."""
    completeness: float
    """Share of the true points with a found one within the threshold (their recall)."""
    f_score: float
    """Harmonic mean of the two shares."""


def compare_clouds(found: Float[np.ndarray, "n 3"], true: Float[np.ndarray, "m 3"], threshold: float) -> CloudScores:
    """Return accuracy and completeness of found points; both clouds in the same axes and unit.

    Points count equally: thin both clouds with the same voxels first, or dense places dominate.

    Raises:
        InputError: a cloud without points, or scipy is not installed.
    """
    try:
        from scipy.spatial import KDTree
    except ImportError as error:
        raise InputError("comparing clouds needs scipy; pip install 'egodepth[compare]'") from error
    require(len(found) > 0 and len(true) > 0, "a cloud without points cannot be compared; keep more pixels")
    accuracy = np.asarray(KDTree(true).query(found)[0])
    distance = np.asarray(KDTree(found).query(true)[0])
    precision, completeness = float((accuracy <= threshold).mean()), float((distance <= threshold).mean())
    both = precision + completeness
    return CloudScores(
        float(accuracy.mean()),
        float(np.median(accuracy)),
        float(distance.mean()),
        precision,
        completeness,
        2 * precision * completeness / both if both else 0.0,
    )
