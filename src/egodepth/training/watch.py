"""The collapse watch: detect early that a training goes wrong."""

import math
from dataclasses import dataclass

from egodepth.objective import Diagnosis


@dataclass(frozen=True)
class Range:
    """The normal range of a figure, and the meaning of values outside it."""

    low: float
    high: float
    meaning: str


NORMAL = {
    "far_share": Range(0.0, 0.6, "much of the image is at the far limit: static frames or a wrong camera?"),
    "kept": Range(0.05, 1.0, "the auto-mask drops nearly every pixel: does the camera move? are the poses degenerate?"),
    "near_share": Range(0.0, 0.6, "much of the image is at the near limit: lower --model.min-depth?"),
    "median_depth": Range(0.0, math.inf, "the depth is not a number"),
    "spread": Range(0.01, math.inf, "the depth is the same everywhere: it has collapsed"),
    "pose_to_depth": Range(1e-4, 1.0, "the motion between frames is out of proportion to the depth"),
}


def vital_signs(diagnosis: Diagnosis, limits: tuple[float, float]) -> dict[str, float]:
    """Return figures that show a collapse.

    Args:
        diagnosis: maps and figures of the current batch.
        limits: smallest and largest depth of the model.

    Returns:
        `far_share` and `near_share` (pixels within 10 % of a limit), `kept`, `median_depth`, `spread` (standard
        deviation of log depth in an image), and, where poses are estimated, `pose_to_depth` (length of the translation
        over the median depth).
    """
    depth, (nearest, furthest) = diagnosis.depth, limits
    medians = depth.flatten(1).median(1).values
    signs = {
        "far_share": (depth > 0.9 * furthest).float().mean().item(),
        "near_share": (depth < 1.1 * nearest).float().mean().item(),
        "kept": diagnosis.kept.float().mean().item(),
        "median_depth": medians.median().item(),
        "spread": depth.flatten(1).log().std(1).mean().item(),
    }
    if len(diagnosis.translation):
        signs["pose_to_depth"] = (diagnosis.translation / medians).mean().item()
    return signs


def warnings_of(signs: dict[str, float]) -> list[str]:
    """Return one warning for every figure outside its normal range."""
    outside = {name: value for name, value in signs.items() if not NORMAL[name].low <= value <= NORMAL[name].high}
    return [
        f"warning: {name} is {value:.4g} (normal: {normal.low:g} to {normal.high:g}): {normal.meaning}"
        for name, value in outside.items()
        for normal in [NORMAL[name]]
    ]
