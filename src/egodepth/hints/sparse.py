"""The sparse points of structure from motion as hints: few, but the most exact of all."""

import numpy as np
from jaxtyping import Float32

from egodepth.geometry import Camera
from egodepth.sfm.clip_map import ClipMap

_GOOD_PX = 1.0
"""Reprojection error that halves a point's weight."""
_LONG = 6
"""Sightings from which on a point has its full weight: many views fix its depth."""


def sparse_hint(
    clip_map: ClipMap, position: int, camera: Camera, size: tuple[int, int]
) -> tuple[Float32[np.ndarray, "h w"], Float32[np.ndarray, "h w"]]:
    """Inverse depth (0: unknown) and weight, at the pixels of the points that a frame sees.

    Points that are held out are left out. Where two fall on a pixel, the nearer counts. The weight is
    1 / (1 + error^2) for a reprojection error in pixels, times the share of six sightings that the point has.

    Args:
        clip_map: of the recording.
        position: of the frame, among the map's frames.
        camera: unbatched.
        size: (height, width) of the hint.
    """
    inverse_depth, weight = np.zeros(size, np.float32), np.zeros(size, np.float32)
    number, local = clip_map.sightings(position)
    used = (local[:, 2] > 0) & ~clip_map.held_out[number]
    number, local = number[used], local[used]
    uv = local[:, :2] / local[:, 2:] * camera.focal.numpy() + camera.centre.numpy()
    inside = ((uv >= 0) & (uv < 1)).all(1)
    farthest_first = np.flatnonzero(inside)[np.argsort(-local[inside, 2], kind="stable")]
    column, row = (uv[farthest_first] * size[::-1]).astype(int).T
    inverse_depth[row, column] = 1 / local[farthest_first, 2]
    points = clip_map.points
    error, length = points.error_px[number[farthest_first]], points.track_length[number[farthest_first]]
    weight[row, column] = np.minimum(length, _LONG) / _LONG / (1 + (error / _GOOD_PX) ** 2)
    return inverse_depth, np.where(inverse_depth > 0, np.maximum(weight, 1 / 255), 0).astype(np.float32)
