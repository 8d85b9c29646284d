"""Read and write trajectories in KITTI's format (12 numbers a line) and TUM's (time, position, quaternion)."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from egodepth.foundation.errors import InputError, require
from egodepth.foundation.files import write_text
from egodepth.foundation.reading import read_lines, read_text

_HEADER = "# time [s] x y z qx qy qz qw, world from camera; axes of the first camera: x right, y down, z forward"
"""Header of files in TUM's format."""
_KITTI_COLUMNS, _TUM_COLUMNS = 12, 8
_ROUNDING = 1e-3
"""Largest deviation of a rotation matrix from an exact rotation."""
_FARTHEST = 1e9
"""Largest position in metres."""
_MOST_OF_TUM = 1e12
"""Largest position, and largest time (seconds since 1970, or since 1900)."""
_QUATERNION_ROUNDING = 1e-2
"""Largest deviation of a quaternion's length from 1: files have few digits."""


class Trajectory(NamedTuple):
    """The trajectory of a camera."""

    poses: Float64[np.ndarray, "n 4 4"]
    """World from camera."""
    seconds: Float64[np.ndarray, " n"] | None
    """Ascending; None if the file has no times."""


def read_trajectory(path: str | Path) -> Trajectory:
    """Return a trajectory from KITTI's format (12 numbers a line) or TUM's (8). A line of column names is skipped.

    Raises:
        InputError: missing, of neither format, or damaged.
    """
    path = Path(path)
    try:
        lines = read_lines(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: no trajectory that can be read; give one in KITTI's or TUM's format") from error
    if lines and not any(map(_is_number, lines[0].replace(",", " ").split())):
        lines = lines[1:]
    columns = len(lines[0].split()) if lines else 0
    if columns == _TUM_COLUMNS:
        seconds, poses = _tum_poses(path, lines)
        return Trajectory(poses, seconds)
    if columns == _KITTI_COLUMNS:
        return Trajectory(_kitti_poses(path, lines), None)
    raise InputError(
        f"{path}: no trajectory; a line has the 12 numbers of a 3x4 matrix (KITTI) or time x y z qx qy qz qw (TUM)"
    )


def read_kitti_poses(path: str | Path) -> Float64[np.ndarray, "n 4 4"]:
    """Return the world-from-camera poses of a file in KITTI's format; raises `InputError` as `read_trajectory`."""
    poses, seconds = read_trajectory(path)
    require(seconds is None, f"{path}: poses in TUM's format; here KITTI's is needed, the 12 numbers of a 3x4 matrix")
    return poses


def _kitti_poses(path: Path, lines: Sequence[str]) -> Float64[np.ndarray, "n 4 4"]:
    try:
        rows = [[float(word) for word in line.split()] for line in lines]
    except ValueError as error:
        raise InputError(f"{path}: damaged poses; every line has the 12 numbers of a 3x4 matrix") from error
    if any(len(row) != _KITTI_COLUMNS or not np.abs(row).max() < _FARTHEST for row in rows):
        raise InputError(f"{path}: damaged poses; every line has the 12 numbers of a 3x4 matrix")
    poses = np.tile(np.eye(4), (len(rows), 1, 1))
    poses[:, :3] = np.array(rows).reshape(-1, 3, 4)
    turned = poses[:, :3, :3] @ poses[:, :3, :3].transpose(0, 2, 1)
    mirrored = np.linalg.det(poses[:, :3, :3]).min() < 0
    if mirrored or np.abs(turned - np.eye(3)).max() > _ROUNDING:
        raise InputError(f"{path}: damaged poses; some 3x4 matrix holds no rotation")
    return poses


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def write_kitti_poses(path: str | Path, poses: Float64[np.ndarray, "n 4 4"]) -> None:
    """Write world-from-camera poses, the top three rows of each pose on a line."""
    write_text(path, "".join(" ".join(f"{v:.9e}" for v in pose[:3].ravel()) + "\n" for pose in poses))


def write_tum_poses(path: str | Path, poses: Float64[np.ndarray, "n 4 4"], times: Sequence[float]) -> None:
    """Write a line `time x y z qx qy qz qw` per pose; times in seconds."""
    lines = [f"{_HEADER}\n"]
    for time, pose in zip(times, poses, strict=True):
        numbers = [*pose[:3, 3], *quaternion(pose[:3, :3])]
        lines.append(f"{time:.6f} " + " ".join(f"{number:.9f}" for number in numbers) + "\n")
    write_text(path, "".join(lines))


def is_from_here(path: Path) -> bool:
    """Whether `write_tum_poses` wrote the file."""
    try:
        return read_text(path).startswith(_HEADER)
    except (OSError, ValueError):
        return False


def _tum_poses(path: Path, lines: Sequence[str]) -> tuple[Float64[np.ndarray, " n"], Float64[np.ndarray, "n 4 4"]]:
    """Return times and world-from-camera poses of TUM lines; damaged ones are an `InputError` that names `path`."""
    try:
        rows = np.array([[float(word) for word in line.split()] for line in lines]).reshape(len(lines), 8)
    except ValueError:
        rows = np.full((1, 8), np.nan)
    if not (np.abs(rows) < _MOST_OF_TUM).all():
        raise InputError(f"{path}: damaged poses; every line has the 8 numbers time x y z qx qy qz qw")
    require(bool((np.diff(rows[:, 0]) > 0).all()), f"{path}: its times do not ascend; sort the lines by their times")
    lengths = np.linalg.norm(rows[:, 4:], axis=1)
    turned = np.abs(lengths - 1).max() < _QUATERNION_ROUNDING
    require(bool(turned), f"{path}: damaged poses; some quaternion has not the length 1")
    poses = np.tile(np.eye(4), (len(rows), 1, 1))
    poses[:, :3, :3] = _rotations(rows[:, 4:] / lengths[:, None])
    poses[:, :3, 3] = rows[:, 1:4]
    return rows[:, 0], poses


def _rotations(quaternions: Float64[np.ndarray, "n 4"]) -> Float64[np.ndarray, "n 3 3"]:
    """Return the matrices of quaternions x, y, z, w. Their columns are the rotated axes, e + 2 v x (v x e + w e)."""
    v, w = quaternions[:, None, :3], quaternions[:, None, 3:]
    axes = np.eye(3)
    return (axes + 2 * np.cross(v, np.cross(v, axes) + w * axes)).transpose(0, 2, 1)


def quaternion(rotation: Float64[np.ndarray, "3 3"]) -> Float64[np.ndarray, "4"]:
    """Return the quaternion x, y, z, w of a rotation by Bar-Itzhack's method (2000), stable for every angle."""
    m = rotation
    symmetric = np.array(
        [
            [m[0, 0] - m[1, 1] - m[2, 2], m[1, 0] + m[0, 1], m[2, 0] + m[0, 2], m[2, 1] - m[1, 2]],
            [m[1, 0] + m[0, 1], m[1, 1] - m[0, 0] - m[2, 2], m[2, 1] + m[1, 2], m[0, 2] - m[2, 0]],
            [m[2, 0] + m[0, 2], m[2, 1] + m[1, 2], m[2, 2] - m[0, 0] - m[1, 1], m[1, 0] - m[0, 1]],
            [m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1], m[0, 0] + m[1, 1] + m[2, 2]],
        ]
    )
    found = np.linalg.eigh(symmetric / 3)[1][:, -1]
    return found if found[3] >= 0 else -found
