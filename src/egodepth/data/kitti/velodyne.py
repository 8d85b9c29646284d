"""Depth maps from KITTI's raw LiDAR scans, as published and as corrected."""

from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float32, Float64, Int

from egodepth.data.kitti.calibration import Calibration
from egodepth.foundation.errors import InputError

Variant = Literal["eigen", "eigen-z"]


def velodyne_depth_map(
    calibration_dir: str | Path, velodyne_file: str | Path, camera: int, variant: Variant = "eigen"
) -> Float32[np.ndarray, "h w"]:
    """Project a LiDAR scan into a colour camera (2 left, 3 right): metres, 0 in pixels without a point.

    `eigen` is the ground truth of Eigen et al. 2014, against which every later paper was evaluated. Its pixel indices
    are one too small, it stores the LiDAR's forward coordinate instead of the depth, and it detects collisions by an
    index that the last column of a row shares with the first column of the next. `eigen-z` is the correct map: depth
    along the camera's axis, the pixel that contains the point, the nearest point of each pixel.

    Precision: points are stored as float32; projection and rounding (half to even) are in float64; the stored values
    are float32, exactly the scan's own numbers under `eigen`.

    Raises:
        InputError: a calibration file or the scan is missing, incomplete or truncated.
    """
    calibration = Calibration.read(calibration_dir)
    points = read_scan(velodyne_file)
    transform = calibration.projection(camera) @ calibration.rectified_from_velodyne()
    if variant == "eigen":
        return _as_published(points, transform, calibration.size(2))
    return _as_expected(points, transform, calibration.size(camera))


def read_scan(path: str | Path) -> Float32[np.ndarray, "n 4"]:
    """Return the points of a scan: x forward, y left, z up in metres, reflectance; raises `InputError` if truncated."""
    path = Path(path)
    try:
        values = np.fromfile(path, dtype="<f4")
        size = path.stat().st_size
    except OSError as error:
        raise InputError(f"{path}: no LiDAR scan that can be read ({error.strerror}); unpack it there") from error
    if size == 0 or size % 16:
        raise InputError(f"{path}: truncated LiDAR scan ({size} bytes, not a multiple of 16); unpack it again")
    return values.astype(np.float32, copy=False).reshape(-1, 4)


def _as_published(
    points: Float32[np.ndarray, "n 4"], transform: Float64[np.ndarray, "3 4"], size: tuple[int, int]
) -> Float32[np.ndarray, "h w"]:
    height, width = size
    points = points[points[:, 0] >= 0]
    u, v, _ = _project(points, transform)
    column, row, inside = _pixels(np.round(u) - 1, np.round(v) - 1, size)
    forward = points[inside, 0]

    depth = np.zeros((height, width), np.float32)
    depth[row, column] = forward  # the last point of a pixel remains
    index = row * (width - 1) + column  # one more than the published index: never negative
    colliding = np.flatnonzero(np.bincount(index, minlength=1)[index] > 1)  # a few of thousands
    order = colliding[np.argsort(index[colliding], kind="stable")]
    starts = np.flatnonzero(np.diff(index[order], prepend=-1))
    if len(starts):
        first = order[starts]
        depth[row[first], column[first]] = np.minimum.reduceat(forward[order], starts)
    return depth


def _as_expected(
    points: Float32[np.ndarray, "n 4"], transform: Float64[np.ndarray, "3 4"], size: tuple[int, int]
) -> Float32[np.ndarray, "h w"]:
    u, v, z = _project(points, transform)
    in_front = z > 0
    column, row, inside = _pixels(np.round(u[in_front]), np.round(v[in_front]), size)
    depth = np.full(size, np.inf, np.float32)
    np.minimum.at(depth, (row, column), z[in_front][inside].astype(np.float32))
    depth[np.isinf(depth)] = 0
    return depth


def _project(
    points: Float32[np.ndarray, "n 4"], transform: Float64[np.ndarray, "3 4"]
) -> tuple[Float64[np.ndarray, " n"], Float64[np.ndarray, " n"], Float64[np.ndarray, " n"]]:
    """Return pixel coordinates u, v and depth z of LiDAR points."""
    homogeneous = np.ones((len(points), 4))
    # Points in the plane of the lens, and invalid points of a damaged scan, fall outside the image.
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        homogeneous[:, :3] = points[:, :3]
        x, y, z = (homogeneous @ transform.T).T
        return x / z, y / z, z


def _pixels(
    column: Float64[np.ndarray, " n"], row: Float64[np.ndarray, " n"], size: tuple[int, int]
) -> tuple[Int[np.ndarray, " m"], Int[np.ndarray, " m"], Int[np.ndarray, " m"]]:
    """Return columns, rows and positions of the whole-numbered pixels inside the image."""
    inside = np.flatnonzero((column >= 0) & (row >= 0) & (column < size[1]) & (row < size[0]))
    return column[inside].astype(np.int64), row[inside].astype(np.int64), inside
