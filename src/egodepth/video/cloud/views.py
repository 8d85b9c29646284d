"""One frame, made ready to be compared with its neighbours: inverse depth, slopes, and the pixels worth a point."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32, Float64, Int, UInt8

from egodepth.video.cloud.edges import flying_pixels, slope
from egodepth.video.cloud.point_cloud import CloudFrame
from egodepth.video.cloud.settings import CloudSettings

_MEDIAN_STEP = 4
"""The median depth is taken from every such row and column."""
_SKY = 0.25
"""What has less than this part of the mean inverse depth does not count for the median depth: networks put the sky
anywhere, and with half an image of it the median would be in it."""
_MOST_SUPPORT = 8
"""What was averaged before counts as no more views than that: their errors are not independent."""


@dataclass(frozen=True)
class View:
    """A cleaned frame; pixels are numbered row by row."""

    size: tuple[int, int]
    rgb: UInt8[np.ndarray, "hw 3"]
    inverse_depth: Float32[np.ndarray, "hw"]
    """0 where nothing is known, or nothing that can be trusted."""
    down: Float32[np.ndarray, "hw"]
    right: Float32[np.ndarray, "hw"]
    """Slope of the inverse depth from pixel to pixel."""
    confidence: Float32[np.ndarray, "hw"]
    world_from_camera: Float64[np.ndarray, "4 4"]
    median_depth: float
    """Of what is known, without the sky; nan where nothing is."""
    support: Float32[np.ndarray, "hw"]
    """How many views the inverse depth rests on."""

    def pixels(self, nearest: float, farthest: float) -> Int[np.ndarray, "n"]:
        """Numbers of the pixels that are known and whose depth is in a range."""
        return np.flatnonzero((self.inverse_depth >= 1 / farthest) & (self.inverse_depth <= 1 / nearest))

    def refined(
        self, index: Int[np.ndarray, "n"], depth: Float32[np.ndarray, "n"], support: Float32[np.ndarray, "n"]
    ) -> "View":
        """The same view with better depth in some of its pixels."""
        inverse_depth, supports = self.inverse_depth.copy(), self.support.copy()
        inverse_depth[index], supports[index] = 1 / depth, np.minimum(support, _MOST_SUPPORT)
        image = inverse_depth.reshape(self.size)
        down, right = slope(image, 0).ravel(), slope(image, 1).ravel()
        return replace(self, inverse_depth=inverse_depth, support=supports, down=down, right=right)


def view_of(frame: CloudFrame, settings: CloudSettings) -> View:
    """Drop what is unknown, not trusted, or flying."""
    with np.errstate(divide="ignore", over="ignore"):
        inverse = 1 / frame.depth
    known = (inverse > 0) & np.isfinite(inverse)
    # What is unknown counts as infinitely far: beside the sky it is, and a hole amid a surface has one sharp edge only.
    inverse = np.where(known, inverse, np.float32(0))
    slopes = slope(inverse, 0), slope(inverse, 1)
    trusted = known & (frame.confidence >= settings.min_confidence)
    if np.isfinite(settings.flying):
        trusted &= ~flying_pixels(inverse, slopes, settings.flying, settings.edge_px)
    return View(
        (frame.depth.shape[0], frame.depth.shape[1]),
        frame.image.reshape(-1, 3),
        np.where(trusted, inverse, np.float32(0)).ravel(),
        slopes[0].ravel(),
        slopes[1].ravel(),
        frame.confidence.ravel(),
        frame.world_from_camera,
        _median_depth(inverse),
        np.ones(inverse.size, np.float32),
    )


def _median_depth(inverse_depth: Float32[np.ndarray, "h w"]) -> float:
    sampled = inverse_depth[::_MEDIAN_STEP, ::_MEDIAN_STEP]
    sampled = sampled[sampled > 0]
    if not len(sampled):
        return float("nan")
    return 1 / float(np.median(sampled[sampled >= _SKY * sampled.mean()]))
