"""The points of one depth map alone, without a comparison with other frames."""

import numpy as np
import torch
from jaxtyping import Bool, Float32

from egodepth.geometry import Camera, backproject
from egodepth.video.cloud.edges import flying_pixels, slope
from egodepth.video.cloud.settings import CloudSettings


def single_view(
    inverse_depth: Float32[np.ndarray, "h w"], camera: Camera
) -> tuple[Float32[np.ndarray, "hw 3"], Bool[np.ndarray, "h w"]]:
    """Return the point of every pixel in the camera's axes, and which are neither flying pixels nor far away.

    Args:
        inverse_depth: positive everywhere.
        camera: unbatched.
    """
    settings, batched = CloudSettings(), Camera(camera.focal[None], camera.centre[None])
    points = backproject(1 / torch.from_numpy(inverse_depth)[None], batched)[0].numpy()
    slopes = slope(inverse_depth, 0), slope(inverse_depth, 1)
    kept = ~flying_pixels(inverse_depth, slopes, settings.flying, settings.edge_px)
    kept &= points[2] <= settings.far * np.median(points[2])
    return points.reshape(3, -1).T, kept
