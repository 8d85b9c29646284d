"""Filter depth over time along the camera's motion, so that it flickers less.

The depth of a pixel is averaged with the depths that a few frames before and after it imply for the same point, as far
as these agree with it. Depth is never averaged over an edge: each frame is sampled on the surface that the pixel falls
on, and hidden points and the other side of an edge do not agree. Frames at equal distances before and after count
together, with one weight. So an error, or a motion of the point itself, that grows steadily with time cancels, and a
moving object keeps its depth.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Float64

from egodepth.geometry import Camera
from egodepth.video.cloud.implied_depth import Surface, homogeneous_pixels, implied_change

REACH = 4
"""Number of frames before, and of frames after, that a frame is averaged with."""
TOLERANCE = 0.2
"""Relative difference of depth from which on another frame does not count. The weight falls smoothly to 0 there."""


class PosedDepth(NamedTuple):
    """Depth of one frame before the filter."""

    row: int
    """Frames of different rows have no common motion; frames of row -1 have no pose."""
    inverse_depth: Float32[np.ndarray, "h w"]
    world_from_camera: Float64[np.ndarray, "4 4"]


class SteadyDepth:
    """The filtered depth of a clip's frames. The result does not depend on the order in which frames are requested."""

    def __init__(self, frame: Callable[[int], PosedDepth], count: int, camera: Camera) -> None:
        """Prepare the filter.

        Args:
            frame: returns a frame by its place; called once for each frame if frames are requested in order.
            count: the number of frames, at least 1.
            camera: the camera of all frames, unbatched.
        """
        self._frame, self._count = lru_cache(2 * REACH + 2)(frame), count
        self._surface = lru_cache(2 * REACH + 2)(lambda place: Surface.of(self._frame(place).inverse_depth))
        size = self._surface(0).size
        self._pixels, self._intrinsics = homogeneous_pixels(size), camera.to_pixels(size).double().cpu().numpy()

    def inverse_depth(self, place: int) -> Float32[np.ndarray, "h w"]:
        """Return the filtered inverse depth of a frame; that of a frame without pose is unfiltered."""
        own = self._frame(place).inverse_depth
        total, weight = np.zeros(own.size, np.float32), np.ones(own.size, np.float32)
        for offset in range(1, REACH + 1):
            changes = [self._implied(place, beside) for beside in (place - offset, place + offset)]
            # Where only one of the two frames sees the point, fmin takes its weight.
            share = np.nan_to_num(np.fmin(*(_agreement(change) for change in changes)))
            share *= np.float32(1 - offset / (REACH + 1))
            for change in changes:
                total += share * np.nan_to_num(change)
                weight += share * np.isfinite(change)
        return own / (1 + total / weight).reshape(own.shape)

    def _implied(self, place: int, beside: int) -> Float32[np.ndarray, " hw"]:
        """Return the relative change of a frame's depth that another one implies; NaN where it does not see a point."""
        here = self._frame(place)
        if not 0 <= beside < self._count or not self._frame(beside).row == here.row >= 0:
            return np.full(here.inverse_depth.size, np.nan, np.float32)
        beside_from_here = np.linalg.solve(self._frame(beside).world_from_camera, here.world_from_camera)
        depth = 1 / here.inverse_depth.ravel()
        return implied_change(self._surface(beside), beside_from_here, self._pixels, depth, self._intrinsics)[0]


def _agreement(change: Float32[np.ndarray, " n"]) -> Float32[np.ndarray, " n"]:
    """Return the weight of a relative difference in depth (Tukey's biweight); NaN for NaN."""
    return np.square(np.maximum(1 - np.square(change / np.float32(TOLERANCE)), 0))
