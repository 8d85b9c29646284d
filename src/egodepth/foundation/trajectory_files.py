"""Trajectories in KITTI's format (12 numbers a line) and in TUM's (time, place, quaternion)."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from egodepth.foundation.errors import InputError, require
from egodepth.foundation.files import write_text
from egodepth.foundation.reading import read_lines, read_text

_HEADER = "# time [s] x y z qx qy qz qw, world from camera; axes of the first camera: x right, y down, z forward"
"""Above the lines that are written in TUM's format."""
_KITTI_COLUMNS, _TUM_COLUMNS = 12, 8
_ROUNDING = 1e-3
"""How far a rotation may be from an exact one."""
_FARTHEST = 1e9
"""Metres: farther away no camera was."""
_MOST_OF_TUM = 1e12
"""No place is farther away, nor a time (seconds since 1970, or since 1900) later."""
_QUATERNION_ROUNDING = 1e-2
"""How far a quaternion's length may be from 1: files have few digits."""


class Trajectory(NamedTuple):
    """Where the camera was."""

    poses: Float64[np.ndarray, "n 4 4"]
    """World from camera."""
    seconds: Float64[np.ndarray, " n"] | None
    """Ascending; None where the file has no times."""


def read_trajectory(path: str | Path) -> Trajectory:
    """A trajectory in KITTI's format (12 numbers a line) or in TUM's (8); names above the columns are skipped.

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
    """World from camera of every frame; raises `InputError` as `read_trajectory` does, and for TUM's format."""
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
    """World from camera, the top three rows of each pose on a line."""
    write_text(path, "".join(" ".join(f"{v:.9e}" for v in pose[:3].ravel()) + "\n" for pose in poses))


def write_tum_poses(path: str | Path, poses: Float64[np.ndarray, "n 4 4"], times: Sequence[float]) -> None:
    """`time x y z qx qy qz qw` a line; times in seconds."""
    lines = [f"{_HEADER}\n"]
    for time, pose in zip(times, poses, strict=True):
        numbers = [*pose[:3, 3], *quaternion(pose[:3, :3])]
        lines.append(f"{time:.6f} " + " ".join(f"{number:.9f}" for number in numbers) + "\n")
    write_text(path, "".join(lines))


def is_from_here(path: Path) -> bool:
    """Whether a file is one that `write_tum_poses` wrote."""
    try:
        return read_text(path).startswith(_HEADER)
    except (OSError, ValueError):
        return False


def _tum_poses(path: Path, lines: Sequence[str]) -> tuple[Float64[np.ndarray, " n"], Float64[np.ndarray, "n 4 4"]]:
    """Times and world from camera, of lines `time x y z qx qy qz qw`; `InputError` names the `path` of damaged ones."""
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
    """Matrices of x, y, z, w: their columns are the turned axes, e + 2 v x (v x e + w e)."""
    v, w = quaternions[:, None, :3], quaternions[:, None, 3:]
    axes = np.eye(3)
    return (axes + 2 * np.cross(v, np.cross(v, axes) + w * axes)).transpose(0, 2, 1)


def quaternion(rotation: Float64[np.ndarray, "3 3"]) -> Float64[np.ndarray, "4"]:
    """x, y, z, w of a rotation: the eigenvector of Bar-Itzhack's matrix (2000), stable for every angle."""
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
