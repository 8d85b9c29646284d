"""Which pixels and points of a scene are reliable enough for other programs."""

import numpy as np
import torch
from jaxtyping import Bool

from egodepth.foundation.errors import require
from egodepth.inference.predictor import at_size
from egodepth.video.cloud.point_cloud import Cloud
from egodepth.video.cloud.views import least_confidence
from egodepth.video.scene.scene import SceneMaps
from egodepth.video.scene.settings import ExportSettings


def reliable_pixels(maps: SceneMaps, size: tuple[int, int], settings: ExportSettings) -> Bool[np.ndarray, "h w"]:
    """Return which pixels of an image of (height, width) are reliable."""
    least = least_confidence(maps.confidence.ravel(), settings.min_confidence)
    confidence, error = at_size(torch.from_numpy(np.stack([maps.confidence, maps.expected_error])), size).numpy()
    return (confidence >= least) & (error <= settings.max_error)


def reliable_points(cloud: Cloud, settings: ExportSettings) -> Cloud:
    """Return the reliable points; `InputError` if none is left."""
    if settings.min_confidence is None:
        return cloud
    kept = cloud.confidence >= settings.min_confidence
    require(bool(kept.any()), f"no point has a confidence of {settings.min_confidence:g}; lower --min-confidence")
    return Cloud(cloud.xyz[kept], cloud.rgb[kept], cloud.confidence[kept], cloud.frames[kept], cloud.voxel)
