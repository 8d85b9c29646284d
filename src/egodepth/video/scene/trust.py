"""Which pixels and points of a scene are reliable enough for other programs."""

import numpy as np
import torch
from jaxtyping import Bool

from egodepth.foundation.errors import require
from egodepth.inference.predictor import at_size
from egodepth.video.cloud.point_cloud import Cloud
from egodepth.video.scene.scene import SceneMaps
from egodepth.video.scene.settings import ExportSettings


def reliable_pixels(maps: SceneMaps, size: tuple[int, int], settings: ExportSettings) -> Bool[np.ndarray, "h w"]:
    """Return which pixels of an image of (height, width) are reliable."""
    return at_size(torch.from_numpy(maps.confidence)[None], size)[0].numpy() >= settings.min_confidence


def reliable_points(cloud: Cloud, settings: ExportSettings) -> Cloud:
    """Return the reliable points; `InputError` if none is left."""
    kept = cloud.confidence >= settings.min_confidence
    require(bool(kept.any()), f"no point has a confidence of {settings.min_confidence:g}; lower --min-confidence")
    return Cloud(cloud.xyz[kept], cloud.rgb[kept], cloud.confidence[kept], cloud.frames[kept], cloud.voxel)
