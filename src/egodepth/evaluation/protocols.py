"""The published evaluation protocols by name: valid pixels and clamping of predictions."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import interpolate


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """The valid true depths, and the limits to which predictions are clamped."""

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

    def valid(self, truth: Float[Tensor, "h w"]) -> Bool[Tensor, "h w"]:
        """Return the mask of valid pixels."""
        valid = (truth > self.min_depth) & (truth < self.max_depth)
        if self.crop is None:
            return valid
        height, width = truth.shape
        # Truncated to whole pixels, as published.
        top, bottom = int(self.crop[0] * height), int(self.crop[1] * height)
        left, right = int(self.crop[2] * width), int(self.crop[3] * width)
        inside = torch.zeros_like(valid)
        inside[top:bottom, left:right] = True
        return valid & inside

    def clamped(self, depth: Tensor) -> Tensor:
        """Return predicted depth clamped to the protocol's range."""
        return depth.clamp(*self.clamp)


GARG_CROP = (0.40810811, 0.99189189, 0.03594771, 0.96405229)
"""Region of KITTI images with LiDAR points (Garg et al. 2016)."""

_MIDDLE_OF_CITYSCAPES = (1 / 3, 1.0, 192 / 2048, 1856 / 2048)
"""Crop for images without the bonnet (their lowest quarter): the middle half of the original rows, not the sides."""

PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol(name="synthetic", max_depth=80.0),
        Protocol(name="kitti_2015"),
        Protocol(name="eigen", min_depth=1e-3, max_depth=80.0, crop=GARG_CROP),
        Protocol(name="eigen_benchmark"),
        Protocol(name="make3d", max_depth=70.0, clamp=(1e-3, 70.0), log10=True),
        Protocol(name="cityscapes", min_depth=1e-3, max_depth=80.0, crop=_MIDDLE_OF_CITYSCAPES),
    )
}
"""Protocols by name. In kitti_2015 and eigen_benchmark every true depth is valid, in make3d those of its C1 error.
Predictions are clamped at 80 m, in make3d at 70 m. cityscapes follows the usual practice since Casser et al. 2019
(docs/deviations.md)."""


def depth_at(inverse_depth: Float[Tensor, "h w"], size: tuple[int, int]) -> Float[Tensor, "hg wg"]:
    """Return depth at the truth's size: the inverse depth is resized (bilinear, edge to edge), then inverted."""
    if inverse_depth.shape != size:
        resized = interpolate(inverse_depth[None, None], size, mode="bilinear", align_corners=False)
        inverse_depth = resized[0, 0]
    return 1 / inverse_depth
