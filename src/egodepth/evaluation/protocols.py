"""An evaluation protocol: which pixels count, and how predictions are cut. `benchmarks` has the published ones."""

import math
from dataclasses import dataclass
from typing import Any, TypeVar

from jaxtyping import Bool, Float

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """Which true depths count, and the limits that predictions are clamped to."""

    name: str
    min_depth: float = 0.0
    """True depths count above this, metres."""
    max_depth: float = math.inf
    """True depths count below this, metres."""
    crop: tuple[float, float, float, float] | None = None
    """Top, bottom, left and right of the counted region, as shares of the truth's height and width."""
    clamp: tuple[float, float] = (1e-3, 80.0)
    """Predicted depths are cut to this range after alignment, metres."""
    log10: bool = False
    """Whether Make3D's metric, `log10_error`, is among the published ones."""

    def valid(self, truth: Float[Any, "h w"]) -> Bool[Any, "h w"]:
        """Return the pixels that count, of a tensor or an array."""
        valid = (truth > self.min_depth) & (truth < self.max_depth)
        if self.crop is None:
            return valid
        height, width = truth.shape
        # Truncated to whole pixels, as published.
        top, bottom = int(self.crop[0] * height), int(self.crop[1] * height)
        left, right = int(self.crop[2] * width), int(self.crop[3] * width)
        valid[:top] = valid[bottom:] = valid[:, :left] = valid[:, right:] = False
        return valid

    def clamped(self, depth: T) -> T:
        """Return predicted depth cut to the protocol's range."""
        return depth.clamp(*self.clamp)  # pyright: ignore[reportAttributeAccessIssue]
