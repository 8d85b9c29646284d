"""Scale by known lengths: measured distances, and true depth of a data set."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from egodepth.data.cameras import read_camera
from egodepth.data.images import read_rgb
from egodepth.foundation.errors import InputError
from egodepth.geometry import Camera, viewing_rays
from egodepth.inference.predictor import DepthPredictor, at_size
from egodepth.video.scale.estimates import Prior
from egodepth.video.scale.parallax import REGION

PIXEL_PRIOR = Prior(0.15, 10.0)
"""Prior for single pixels: the relative error of self-supervised models (abs_rel .11 to .16, Godard et al. 2019, Table
1), and the number of distances that it counts as."""
_HALF_WINDOW = 2


def distance_factor(
    depth: Float[Tensor, "h w"], pixel: tuple[float, float], distance_m: float, camera: Camera | None = None
) -> float:
    """Return the metres per unit of the depth, from the distance to the object at a pixel.

    Args:
        depth: depth of the image.
        pixel: x and y, from the centre of the first pixel; the median depth of 5x5 pixels around it is used.
        distance_m: distance in a straight line from the camera; along its axis without `camera`.
        camera: the camera, unbatched, to convert a straight line to depth.
    """
    height, width = depth.shape
    column, row = round(pixel[0]), round(pixel[1])
    if not (0 <= column < width and 0 <= row < height):
        raise InputError(f"--pixel {pixel[0]:g} {pixel[1]:g}: outside an image of {width}x{height}")
    rows = slice(max(0, row - _HALF_WINDOW), row + _HALF_WINDOW + 1)
    columns = slice(max(0, column - _HALF_WINDOW), column + _HALF_WINDOW + 1)
    if camera is not None:
        rays = viewing_rays(Camera(camera.focal[None], camera.centre[None]), (height, width))
        distance_m /= rays[0, :, row, column].norm().item()
    return distance_m / depth[rows, columns].median().item()


def file_factor(
    predictor: DepthPredictor, image: str, pixel: tuple[float, float], distance_m: float, camera_file: str | None
) -> float:
    """Return `distance_factor` for an image file, with its camera from a camera file."""
    pixels = read_rgb(image)
    camera = read_camera(camera_file, (pixels.shape[0], pixels.shape[1])) if camera_file else None
    return distance_factor(predictor(pixels).depth, pixel, distance_m, camera)


def truth_factor(inverse_depth: Float[Tensor, "h w"], truth: Float[np.ndarray, "hg wg"]) -> float | None:
    """Return the median of true over predicted depth, over the valid pixels of Eigen's protocol; None without any."""
    known = REGION.valid(torch.from_numpy(truth))
    if not known.any():
        return None
    predicted = 1 / at_size(inverse_depth[None], (truth.shape[0], truth.shape[1]))[0]
    return (torch.from_numpy(truth)[known] / predicted[known]).median().item()
