"""Which pixels and points of a scene are reliable enough for other programs."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool

from egodepth.foundation.errors import require
from egodepth.inference.predictor import at_size
from egodepth.video.cloud.point_cloud import Cloud
from egodepth.video.scene.scene import SceneMaps


@dataclass(frozen=True)
class Trust:
    """Limits of reliability."""

    min_confidence: float = 0.5
    """Leave out points and pixels with less confidence; 0 keeps all."""

    def __post_init__(self) -> None:
        require(0 <= self.min_confidence <= 1, f"--min-confidence {self.min_confidence}: 0 to 1 are possible")

    def of_pixels(self, maps: SceneMaps, size: tuple[int, int]) -> Bool[np.ndarray, "h w"]:
        """Return which pixels of an image of (height, width) are reliable."""
        return at_size(torch.from_numpy(maps.confidence)[None], size)[0].numpy() >= self.min_confidence

    def of_cloud(self, cloud: Cloud) -> Cloud:
        """Return the reliable points; `InputError` if none is left."""
        kept = cloud.confidence >= self.min_confidence
        require(bool(kept.any()), f"no point has a confidence of {self.min_confidence:g}; lower --min-confidence")
        return Cloud(cloud.xyz[kept], cloud.rgb[kept], cloud.confidence[kept], cloud.frames[kept], cloud.voxel)
