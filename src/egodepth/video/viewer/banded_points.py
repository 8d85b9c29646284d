"""A cloud in bands of confidence, so that a threshold hides whole bands and no point is sent twice."""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float32, UInt8

from egodepth.video.cloud.point_cloud import Cloud

STEP = 0.05
"""Width of a band: the step of the threshold."""
_SEED = 0


class Band(NamedTuple):
    """Points with a confidence of at least `least`, and less than that of the next band."""

    least: float
    xyz: Float32[np.ndarray, "n 3"]
    rgb: UInt8[np.ndarray, "n 3"]


def bands_of(cloud: Cloud, most: int) -> list[Band]:
    """Return the bands of a cloud that have points, with ascending confidence.

    Args:
        cloud: the cloud.
        most: keep at most so many points, drawn at random, the same each time.
    """
    chosen = some_of(len(cloud.xyz), most)
    limits = thresholds()
    number = np.searchsorted(limits, cloud.confidence[chosen], "right") - 1
    bands = []
    for band in np.unique(np.maximum(number, 0)).tolist():
        inside = chosen[np.maximum(number, 0) == band]
        bands.append(Band(float(limits[band]), cloud.xyz[inside], cloud.rgb[inside]))
    return bands


def thresholds() -> Float32[np.ndarray, "n"]:
    """Return the thresholds that can be chosen, from 0 to 1."""
    return np.linspace(0, 1, round(1 / STEP) + 1, dtype=np.float32)


def nearest_threshold(value: float) -> float:
    """Return the possible threshold nearest to a value."""
    limits = thresholds()
    return float(limits[np.abs(limits - value).argmin()])


def some_of(count: int, most: int) -> np.ndarray:
    """Return at most so many of `count` positions, ascending, drawn at random, the same each time."""
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(_SEED).choice(count, most, replace=False))


def draw_points(client: Any, name: str, band: Band, size: float) -> Any:
    """Send points to a client under a name; return viser's handle."""
    return client.scene.add_point_cloud(
        name, band.xyz, band.rgb, point_size=size, precision="float32", point_shape="circle", point_shading="flat"
    )
