"""Depth of vehicles that move along with the camera, from the place where they touch the road.

Such vehicles show no parallax, so comparing frames does not reveal their distance, and the auto-mask excludes them. A
pixel that stays in place, although the road there would move, belongs to one. Its lowest pixels touch the road, whose
depth is known (ground contact: Hoiem, Efros and Hebert, Putting Objects in Perspective, CVPR 2006). Only parts below
the height of the camera are found.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int64, UInt8
from torch import Tensor
from torch.nn.functional import avg_pool2d

from egodepth.geometry import Camera, synthesise
from egodepth.hints.ground import Road

_LEAST_ERROR = 0.04
"""Least error of a pixel under the road's motion, as mean absolute colour difference, to count as not the road."""
_UNMOVED = 0.5
"""A pixel moves along with the camera if its error between unmoved images is below this share of that error."""
_JOINED = 14
"""Parts that are nearer than this fraction of the image's height and width are one vehicle: its middle may be plain."""
_FOOT, _SAME_FOOT = 0.99, 0.15
"""Quantile of the road's inverse depth, over the lowest pixels of a vehicle's columns, that gives its foot; and the
share by which a column's value may be smaller and still belong to it."""
_LEAST_HEIGHT = 0.35
"""Least height of both sides of a vehicle, in camera heights: a line on the road is lower."""
_WIDTHS = (0.4, 2.5)
"""Width of a vehicle, in camera heights."""
_MOST_SEEN = 0.2
"""Largest share of a vehicle's pixels with a hint from comparing frames: standing objects have more."""


class Neighbour(NamedTuple):
    """A frame to compare with the target."""

    image: Float32[Tensor, "3 h w"]
    source_from_target: Float32[Tensor, "4 4"]
    """Pose in the unit of the road."""


def contact_hint(
    target: Float32[Tensor, "3 h w"],
    neighbours: Sequence[Neighbour],
    camera: Camera,
    road: Road,
    hint: Float32[np.ndarray, "h w"],
) -> Float32[np.ndarray, "h w"]:
    """Return the inverse depth of vehicles that move along with the camera, in the unit of the road; 0 elsewhere.

    Args:
        target: colours in [0, 1].
        neighbours: a few frames before and after. Without any, nothing is found.
        camera: the camera of all frames, unbatched.
        road: the road of the target's part of the recording.
        hint: the target's hint from other sources, 0 where there is none.

    Raises:
        InputError: OpenCV is missing.
    """
    found = np.zeros(hint.shape, np.float32)
    if not neighbours:
        return found
    moves_along = _moves_along(target, neighbours, camera, road).numpy()
    pixel = 1 / (float(camera.focal[0]) * hint.shape[1])
    for columns, tops, foot in _vehicles(moves_along, road, pixel):
        rows = np.arange(len(hint))[:, None]
        filled = (rows >= tops) & (road.inverse_depth[:, columns] <= foot)
        if filled.any() and (hint[:, columns] > 0)[filled].mean() <= _MOST_SEEN:
            nearer = np.maximum(found[:, columns], np.float32(foot))
            found[:, columns] = np.where(filled, nearer, found[:, columns])
    return found


def _moves_along(
    target: Float32[Tensor, "3 h w"], neighbours: Sequence[Neighbour], camera: Camera, road: Road
) -> Bool[Tensor, "h w"]:
    """Return the pixels that no motion explains much better than the road's motion does."""
    images = torch.stack([neighbour.image for neighbour in neighbours])
    poses = torch.stack([neighbour.source_from_target for neighbour in neighbours])
    inverse_depth = torch.from_numpy(road.inverse_depth)
    depth = (1 / inverse_depth.clamp(min=1e-3 / road.height)).expand(len(images), -1, -1)
    several = Camera(camera.focal.expand(len(images), 2), camera.centre.expand(len(images), 2))
    by_road = _error(target, synthesise(images, depth, poses, several, several))
    unmoved = _error(target, images)
    return torch.from_numpy(road.near) & (by_road > _LEAST_ERROR) & (unmoved < _UNMOVED * by_road)


def _error(target: Float32[Tensor, "3 h w"], others: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "h w"]:
    """Return the absolute colour difference over 3x3 pixels to the image that fits best."""
    difference = (others - target).abs().mean(1, keepdim=True)
    return avg_pool2d(difference, 3, 1, 1, count_include_pad=False)[:, 0].min(0).values


def _vehicles(
    moves_along: Bool[np.ndarray, "h w"], road: Road, pixel: float
) -> Iterator[tuple[slice, Int64[np.ndarray, " w"], float]]:
    """Yield the columns of each vehicle, its top row in each column, and the inverse depth of its foot.

    Args:
        moves_along: the pixels that move along.
        road: the road under them.
        pixel: width of a pixel at a depth of 1.
    """
    height = len(moves_along)
    count, labels = cv2.connectedComponents(_closed(moves_along), connectivity=8)
    for label in range(1, count):
        pixels = labels == label
        columns = np.flatnonzero(pixels.any(0))
        lowest = height - 1 - pixels[::-1, columns].argmax(0)
        lowest -= lowest < height - 1  # the window of the errors extends by one pixel
        contact = road.inverse_depth[lowest, columns]
        foot = float(np.quantile(contact, _FOOT))
        own = np.flatnonzero(contact >= (1 - _SAME_FOOT) * foot)
        columns = columns[own[0] : own[-1] + 1]
        tops = pixels[:, columns].argmax(0)
        if _is_vehicle(1 - road.inverse_depth[tops, columns] / foot, len(columns) * pixel / foot / road.height):
            # Between its two sides a vehicle is as high as the lower side.
            skyline = np.maximum(np.minimum.accumulate(tops), np.minimum.accumulate(tops[::-1])[::-1])
            yield slice(int(columns[0]), int(columns[-1]) + 1), skyline, foot


def _closed(mask: Bool[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w"]:
    """Close gaps up to the size of `_JOINED`, but not between an object and the image border."""
    rows, columns = (side // _JOINED | 1 for side in mask.shape)  # odd, so it has a centre
    framed = np.pad(mask.astype(np.uint8), ((rows, rows), (columns, columns)))
    closed = cv2.morphologyEx(framed, cv2.MORPH_CLOSE, np.ones((rows, columns), np.uint8))
    return closed[rows:-rows, columns:-columns]


def _is_vehicle(heights: Float[np.ndarray, " w"], width: float) -> bool:
    """Decide by the height of each column over the road, and by the width, both in camera heights."""
    side = max(1, len(heights) // 5)
    lower_side = float(min(heights[:side].max(), heights[-side:].max()))
    return lower_side >= _LEAST_HEIGHT and _WIDTHS[0] <= width <= _WIDTHS[1]
