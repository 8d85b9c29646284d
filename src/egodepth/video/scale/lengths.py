"""Scale by lengths that are simply known: distances measured on the spot, and true depth of a data set."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from egodepth.data.cameras import read_camera
from egodepth.data.media.images import read_rgb
from egodepth.foundation.errors import InputError
from egodepth.geometry import Camera, viewing_rays
from egodepth.inference.predictor import DepthPredictor, at_size
from egodepth.video.scale.estimates import Prior
from egodepth.video.scale.parallax import REGION

PIXEL_PRIOR = Prior(0.15, 10.0)
"""Usual scatter of single pixels: the relative error of self-supervised models (abs_rel .11 to .16, Godard et al. 2019,
Table 1), and as many distances as it counts for."""
_HALF_WINDOW = 2


def distance_factor(
    depth: Float[Tensor, "h w"], pixel: tuple[float, float], distance_m: float, camera: Camera | None = None
) -> float:
    """Metres in a unit of the depth, by the distance to what is seen at a pixel.

    Args:
        depth: of the image.
        pixel: x and y, from the centre of the first pixel; the median depth of 5x5 pixels around it counts.
        distance_m: in a straight line from the camera; along its axis if there is no camera.
        camera: unbatched, to tell the two apart.
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
    """`distance_factor` of an image file, its camera from a camera file."""
    pixels = read_rgb(image)
    camera = read_camera(camera_file, (pixels.shape[0], pixels.shape[1])) if camera_file else None
    return distance_factor(predictor(pixels).depth, pixel, distance_m, camera)


def truth_factor(inverse_depth: Float[Tensor, "h w"], truth: Float[np.ndarray, "hg wg"]) -> float | None:
    """The median, over the pixels that Eigen's protocol counts, of true over predicted depth; None if none is known."""
    known = REGION.valid(torch.from_numpy(truth))
    if not known.any():
        return None
    predicted = 1 / at_size(inverse_depth[None], (truth.shape[0], truth.shape[1]))[0]
    return (torch.from_numpy(truth)[known] / predicted[known]).median().item()
