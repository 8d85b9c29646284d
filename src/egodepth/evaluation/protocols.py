"""An evaluation protocol: valid pixels and clamping of predictions. `benchmarks` lists the published ones."""

import math
from dataclasses import dataclass
from typing import Any, TypeVar

from jaxtyping import Bool, Float

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """The valid true depths, and the limits to which predictions are clamped.

    Example:
        >>> import torch
        >>> protocol = Protocol(name="indoor", max_depth=10.0, clamp=(0.1, 10.0))
        >>> protocol.valid(torch.tensor([[0.0, 2.0, 50.0]])), protocol.clamped(torch.tensor([12.0]))
        (tensor([[False,  True, False]]), tensor([10.]))
    """

    name: str
    min_depth: float = 0.0
    """True depths are valid above this, metres."""
    max_depth: float = math.inf
    """True depths are valid below this, metres."""
    crop: tuple[float, float, float, float] | None = None
    """Top, bottom, left and right of the valid region, as shares of the truth's height and width."""
    clamp: tuple[float, float] = (1e-3, 80.0)
    """Predicted depths are clamped to this range after alignment, metres."""
    log10: bool = False
    """Whether the published metrics include Make3D's `log10_error`."""

    def valid(self, truth: Float[Any, "h w"]) -> Bool[Any, "h w"]:
        """Return the mask of valid pixels, of a tensor or an array."""
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
