"""The point cloud and the trajectory in the format of the page's own viewer.

Plotly's `scatter3d` was measured with 50,000 points in Chromium without a graphics card. Each step of a mouse drag
takes 9.5 s, and 0.1 s in the page's own viewer.
"""

import base64
from typing import Any

import numpy as np
from jaxtyping import Float32, UInt8

from egodepth.video.page.content import PageContent
from egodepth.video.page.plots import colour

MAX_POINTS = 60_000
"""Largest number of points of a cloud on the page; they add 1.2 MB."""
OUTERMOST_PERCENT = 0.5
"""Percentage of the points that is left out at both ends of every axis; a few far points would make the rest tiny."""
SQUARES = 12
"""Largest number of grid squares along the longest side."""


def cloud_scene(content: PageContent) -> dict[str, Any]:
    """Return the input of `cloud.js`: base64 arrays of float32 (x, y, z) and bytes (red, green, blue), and the view."""
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
    """Return at most `MAX_POINTS` points, chosen with a fixed random seed, without the outermost ones of each axis."""
    finite = np.isfinite(xyz).all(1)
    xyz, rgb = xyz[finite], rgb[finite]
    if len(xyz):
        # Rounded outwards, so that small clouds lose no point.
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
    """Return the lines of a horizontal grid below the scene, and the side of its squares: 1, 2 or 5 times 10^n."""
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
    """Return an array in base64, little-endian like the typed arrays of all current browsers."""
    return base64.b64encode(array.astype(array.dtype.newbyteorder("<")).tobytes()).decode()
