"""The sparse points of structure from motion as hints: few, but the most accurate of all."""

import numpy as np
from jaxtyping import Bool, Float32, Float64

from egodepth.geometry import Camera
from egodepth.sfm.clip_map import ClipMap

_GOOD_PX = 1.0
"""Reprojection error that halves a point's weight."""
_TWIN = 2e-3
"""Distance in the image, as a share of its width, within which a point may be the twin of a held-out point: a feature
with two orientations makes two points. In KITTI's drive 0095 a fifth of the held-out points had such twins."""
_LONG = 6
"""Number of observations from which a point has its full weight: many views fix its depth."""


def sparse_hint(
    clip_map: ClipMap, position: int, camera: Camera, size: tuple[int, int]
) -> tuple[Float32[np.ndarray, "h w"], Float32[np.ndarray, "h w"]]:
    """Return inverse depth (0: unknown) and weight, at the pixels of the points that a frame observes.

    Held-out points and their possible twins are left out. If two points fall on a pixel, the nearer one is used. The
    weight is 1 / (1 + error^2) for a reprojection error in pixels, times the number of observations over six (at most
    1).

    Args:
        clip_map: the map of the recording.
        position: the position of the frame in the map.
        camera: the camera, unbatched.
        size: (height, width) of the hint.
    """
    inverse_depth, weight = np.zeros(size, np.float32), np.zeros(size, np.float32)
    number, uv, depth = clip_map.image_points(position, camera)
    used = ((uv >= 0) & (uv < 1)).all(1) & ~_near_held_out(uv, clip_map.held_out[number], size[0] / size[1])
    number, uv, depth = number[used], uv[used], depth[used]
    farthest_first = np.argsort(-depth, kind="stable")
    column, row = (uv[farthest_first] * size[::-1]).astype(int).T
    inverse_depth[row, column] = 1 / depth[farthest_first]
    points = clip_map.points
    error, length = points.error_px[number[farthest_first]], points.track_length[number[farthest_first]]
    weight[row, column] = np.minimum(length, _LONG) / _LONG / (1 + (error / _GOOD_PX) ** 2)
    return inverse_depth, np.where(inverse_depth > 0, np.maximum(weight, 1 / 255), 0).astype(np.float32)


def _near_held_out(
    uv: Float64[np.ndarray, "k 2"], held_out: Bool[np.ndarray, " k"], aspect: float
) -> Bool[np.ndarray, " k"]:
    """Return which points coincide with a held-out point; `aspect` is height over width."""
    apart = (uv[:, None] - uv[None, held_out]) * (1, aspect)
    return ((apart**2).sum(-1) < _TWIN**2).any(1)
