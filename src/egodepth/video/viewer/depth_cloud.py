"""The cloud of one image with its depth, as far as its camera is known or assumed."""

import numpy as np
import torch
from jaxtyping import Float32, UInt8

from egodepth.geometry import Camera
from egodepth.inference.predictor import at_size
from egodepth.video.cloud.single_view import single_view
from egodepth.video.viewer.banded_points import Band, some_of


def cloud_of_image(
    image: UInt8[np.ndarray, "h w 3"], inverse_depth: Float32[np.ndarray, "hn wn"], fov_deg: float, most: int
) -> Band:
    """Return the points of an image in its camera's axes, without flying pixels and without what is far away.

    Args:
        image: the image.
        inverse_depth: its inverse depth, of any size.
        fov_deg: horizontal field of view.
        most: keep at most so many points, drawn at random.
    """
    size = (image.shape[0], image.shape[1])
    inverse = at_size(torch.from_numpy(inverse_depth)[None], size)[0].numpy()
    points, kept = single_view(inverse, Camera.from_fov(fov_deg, size))
    places = np.flatnonzero(kept)
    places = places[some_of(len(places), most)]
    return Band(0.0, points[places], image.reshape(-1, 3)[places])
