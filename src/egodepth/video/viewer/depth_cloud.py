"""The cloud of one image with its depth, as far as its camera is known or assumed."""

import numpy as np
import torch
from jaxtyping import Float32, UInt8

from egodepth.geometry import Camera, backproject
from egodepth.inference.predictor import at_size
from egodepth.video.cloud.edges import flying_pixels, slope
from egodepth.video.cloud.settings import CloudSettings
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
    size, settings = (image.shape[0], image.shape[1]), CloudSettings()
    inverse = at_size(torch.from_numpy(inverse_depth)[None], size)
    camera = Camera.from_fov(fov_deg, size)
    points = backproject(1 / inverse, Camera(camera.focal[None], camera.centre[None]))[0].numpy()
    values = inverse[0].numpy()
    kept = ~flying_pixels(values, (slope(values, 0), slope(values, 1)), settings.flying, settings.edge_px)
    kept &= points[2] <= settings.far * np.median(points[2])
    places = np.flatnonzero(kept)
    places = places[some_of(len(places), most)]
    return Band(0.0, points.reshape(3, -1).T[places], image.reshape(-1, 3)[places])
