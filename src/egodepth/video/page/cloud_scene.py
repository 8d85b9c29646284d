"""The point cloud and the path in it, as the page's own viewer reads them.

Plotly's `scatter3d` was measured: in Chromium without a graphics card, each step of a mouse drag takes 9.5 s with
50,000 points, and .1 s in the page's own viewer.
"""

import base64
from typing import Any

import numpy as np
from jaxtyping import Float32, UInt8

from egodepth.video.page.content import PageContent
from egodepth.video.page.plots import colour

MAX_POINTS = 60_000
"""Of a cloud on the page: they add 1.2 MB."""
OUTERMOST_PERCENT = 0.5
"""Of the points, at either end of every axis, left out: a few far ones would make the rest a speck."""
SQUARES = 12
"""Of the grid along the longest side, at most."""


def cloud_scene(content: PageContent) -> dict[str, Any]:
    """What `cloud.js` draws: arrays in base64, float32 (x, y, z) and bytes (red, green, blue), and where to look."""
    xyz, rgb = thinned(content.cloud_xyz, content.cloud_rgb)
    paths = [segment.positions[np.isfinite(segment.positions).all(1)] for segment in content.segments]
    paths = [path.astype(np.float32) for path in paths]
    everything = np.concatenate([xyz, *paths])
    if not len(everything):
        everything = np.zeros((1, 3), np.float32)
    low, high = everything.min(0), everything.max(0)
    grid, square = _grid(low, high)
    return {
        "points": len(xyz),
        "xyz": _base64(xyz),
        "rgb": _base64(rgb),
        "paths": [
            {"name": segment.name, "colour": colour(number), "xyz": _base64(path)}
            for number, (segment, path) in enumerate(zip(content.segments, paths, strict=True))
        ],
        "grid": _base64(grid),
        "square": square,
        "centre": ((low + high) / 2).tolist(),
        "radius": float(np.linalg.norm(high - low)) / 2 or 1.0,
    }


def thinned(
    xyz: Float32[np.ndarray, "n 3"], rgb: UInt8[np.ndarray, "n 3"]
) -> tuple[Float32[np.ndarray, "m 3"], UInt8[np.ndarray, "m 3"]]:
    """At most `MAX_POINTS` of a cloud, chosen at random but always the same, without the outermost of each axis."""
    finite = np.isfinite(xyz).all(1)
    xyz, rgb = xyz[finite], rgb[finite]
    if len(xyz):
        # Rounded outwards: of a few points none is left out.
        low = np.percentile(xyz, OUTERMOST_PERCENT, axis=0, method="lower")
        high = np.percentile(xyz, 100 - OUTERMOST_PERCENT, axis=0, method="higher")
        inside = ((xyz >= low) & (xyz <= high)).all(1)
        xyz, rgb = xyz[inside], rgb[inside]
    if len(xyz) > MAX_POINTS:
        chosen = np.sort(np.random.default_rng(0).choice(len(xyz), MAX_POINTS, replace=False))
        xyz, rgb = xyz[chosen], rgb[chosen]
    return xyz, rgb


def _grid(
    low: Float32[np.ndarray, " 3"], high: Float32[np.ndarray, " 3"]
) -> tuple[Float32[np.ndarray, "lines 2 3"], float]:
    """Lines of a level grid below everything, and the side of its squares: 1, 2 or 5 times a power of ten."""
    longest = float(max(high[0] - low[0], high[2] - low[2])) or 1.0
    power = 10.0 ** np.floor(np.log10(longest / SQUARES))
    square = next(float(power * step) for step in (1, 2, 5, 10) if power * step * SQUARES >= longest)
    left, right = np.floor(low[0] / square) * square, np.ceil(high[0] / square) * square
    near, far = np.floor(low[2] / square) * square, np.ceil(high[2] / square) * square
    floor = high[1]
    across = [((left, floor, z), (right, floor, z)) for z in np.arange(near, far + square / 2, square)]
    along = [((x, floor, near), (x, floor, far)) for x in np.arange(left, right + square / 2, square)]
    return np.array([*across, *along], np.float32), square


def _base64(array: np.ndarray) -> str:
    """Little-endian, as every browser's typed arrays are on the machines of today."""
    return base64.b64encode(array.astype(array.dtype.newbyteorder("<")).tobytes()).decode()
