"""Rate the estimate of a focal length, in words that tell a user what to do."""

from dataclasses import dataclass
from enum import StrEnum
from math import atan, degrees, sqrt

import numpy as np
from jaxtyping import Float64

from egodepth.data.cameras import FOCAL_WIDTHS
from egodepth.sfm.structures import Reconstruction

RELIABLE, USABLE = 0.03, 0.12
"""Standard deviations of the focal length, as shares of it, up to which it is reliable, and better than a guess."""
TURN_DEG = 5.0
"""A turn by less than this over all frames counts as straight driving."""
STRAIGHT_DEG = 1.0
"""A turn by less than this determines nothing, however well parts of the clip agree: they have the same error (measured
on a motorway that turns by 0.3 degrees: LOG.md)."""


class Verdict(StrEnum):
    """Rating of the estimate."""

    RELIABLE = "reliable"
    WEAK = "weak"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """The focal length of a clip, its standard deviation, and the rating."""

    verdict: Verdict
    reason: str
    focal_widths: float | None = None
    """Focal length in image widths; None if the reconstruction failed."""
    sigma_widths: float | None = None
    turned_deg: float | None = None

    @property
    def fov_deg(self) -> float | None:
        """Horizontal field of view in degrees."""
        return None if self.focal_widths is None else fov_of(self.focal_widths)

    @property
    def fov_sigma_deg(self) -> float | None:
        """Standard deviation of the field of view, to first order."""
        if self.focal_widths is None or self.sigma_widths is None:
            return None
        return degrees(self.sigma_widths / (self.focal_widths**2 + 0.25))


def failed(reason: str) -> Estimate:
    """Return an estimate without a value."""
    return Estimate(verdict=Verdict.FAILED, reason=reason)


def judge(found: Reconstruction | None, frames: int) -> Estimate:
    """Return the rated estimate of a reconstruction from this number of frames.

    The standard deviation comes from estimates without one part of the clip each. It includes moving cars, rolling
    shutter and everything else that differs between parts. It does not include common errors (a principal point off the
    centre). (The curvature of the bundle adjustment knows only the noise of features, and takes minutes to invert.)
    """
    if found is None:
        return failed("too few frames could be put together: too little texture or parallax")
    width = found.size[1]
    sigma = spread(found.part_focals_px) / width
    focal = found.focal_px / width
    turned = turned_deg(found.world_from_camera)
    known = {"focal_widths": focal, "sigma_widths": sigma, "turned_deg": turned}
    if 2 * len(found.registered) < frames:
        return Estimate(
            verdict=Verdict.FAILED, reason=f"only {len(found.registered)} of {frames} frames fit together", **known
        )
    possible = FOCAL_WIDTHS[0] <= focal <= FOCAL_WIDTHS[1]
    if not possible or not sigma < USABLE * focal or turned < STRAIGHT_DEG:
        return Estimate(verdict=Verdict.FAILED, reason=_why(turned), **known)
    if len(found.part_focals_px) < 2:
        reason = f"{len(found.registered)} frames are too few to compare parts of the clip"
        return Estimate(verdict=Verdict.WEAK, reason=reason, **known)
    if sigma > RELIABLE * focal:
        return Estimate(verdict=Verdict.WEAK, reason=_why(turned), **known)
    reason = f"{len(found.registered)} of {frames} frames fit together, and parts of the clip agree"
    return Estimate(verdict=Verdict.RELIABLE, reason=reason, **known)


def spread(focals_px: tuple[float, ...]) -> float:
    """Return the jackknife standard deviation of the whole from estimates without each part in turn (Tukey 1958).

    In pixels, 0 for fewer than two estimates.
    """
    count = len(focals_px)
    return float(np.std(focals_px)) * sqrt(count - 1) if count > 1 else 0.0


def turned_deg(world_from_camera: Float64[np.ndarray, "f 4 4"]) -> float:
    """Return the largest angle between the first view's axis and another's, degrees."""
    axes = world_from_camera[:, :3, 2]
    return float(np.degrees(np.arccos(np.clip(axes @ axes[0], -1, 1)).max()))


def fov_of(focal_widths: float) -> float:
    """Return the horizontal field of view in degrees of a focal length in image widths."""
    return 2 * degrees(atan(0.5 / focal_widths))


def _why(turned: float) -> str:
    if turned < TURN_DEG:
        return f"straight driving (it turns by {turned:.1f} degrees) determines the focal length weakly"
    return "parts of the clip disagree about the focal length"
