"""Camera files of SLAM systems, nerfstudio and Open3D: fx fy cx cy, a distortion model and its coefficients."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from egodepth.data.cameras.pixels import FISHEYE_NAMES, RADIAL_NAMES, PixelCamera, camera_of_matrix, lens_of
from egodepth.foundation.errors import InputError
from egodepth.geometry.distortion import Lens

KEYS = ("intrinsics", "projection_parameters", r"Camera1?\.fx")
"""Patterns of the YAML keys that identify these files."""
_OF_VINS = ("k2", "k3", "k4", "k5")
"""VINS's names of the four fisheye coefficients. Its k1 is 1."""
_PINHOLES = ("pinhole", "opencv", "perspective", "simple_pinhole", "simple_radial", "radial")


def slam_camera(values: Mapping[str, Any], path: Path) -> PixelCamera | None:
    """Return the camera of a file by Kalibr, EuRoC, ORB-SLAM, VINS, nerfstudio or Open3D; None for other files.

    Raises:
        InputError: a number is missing or unreadable, or the model is unknown.
    """
    first = values.get("cam0")
    if isinstance(first, dict) and "intrinsics" in first:
        return _kalibr(first, path)
    if "intrinsics" in values and "camera_model" in values:
        return _kalibr(values, path)
    if isinstance(values.get("projection_parameters"), dict):
        return _vins(values, path)
    for prefix in ("Camera1.", "Camera."):
        if f"{prefix}fx" in values:
            return _orb_slam(values, prefix, path)
    if isinstance(values.get("intrinsic_matrix"), list):
        return _open3d(values, path)
    if "fl_x" in values or "camera_angle_x" in values:
        return _nerfstudio(values, path)
    return None


def _kalibr(values: Mapping[str, Any], path: Path) -> PixelCamera:
    _require_pinhole(values.get("camera_model", ""), path)
    focals = _list(values["intrinsics"], path)
    if len(focals) != 4:
        raise InputError(f"{path}: {len(focals)} intrinsics; a pinhole camera has the four fx fy cx cy")
    size = _list(values.get("resolution", []), path)
    coefficients = values.get("distortion_coeffs", values.get("distortion_coefficients", []))
    model = str(values.get("distortion_model", "opencv"))
    lens = None if model == "none" else lens_of(model, _list(coefficients, path), path)
    return _camera(focals, (size[1], size[0]) if len(size) == 2 else None, lens)


def _vins(values: Mapping[str, Any], path: Path) -> PixelCamera:
    projection, model = values["projection_parameters"], str(values.get("model_type", "PINHOLE"))
    size = _named(values, ("image_height", "image_width"), path)
    if model == "KANNALA_BRANDT":
        lens = lens_of("fisheye", _named(projection, _OF_VINS, path), path)
        return _camera(_named(projection, ("mu", "mv", "u0", "v0"), path), size, lens)
    _require_pinhole(model, path)
    distortion = values.get("distortion_parameters") or {}
    lens = lens_of("opencv", _named(distortion, RADIAL_NAMES[:4], path, 0.0), path)
    return _camera(_named(projection, ("fx", "fy", "cx", "cy"), path), size, lens)


def _orb_slam(values: Mapping[str, Any], prefix: str, path: Path) -> PixelCamera:
    kind = str(values.get("Camera.type", "PinHole"))
    own = {key.removeprefix(prefix): value for key, value in values.items() if key.startswith(prefix)}
    size = _named(values, ("Camera.height", "Camera.width"), path) if "Camera.width" in values else None
    if kind == "KannalaBrandt8":
        lens = lens_of("fisheye", _named(own, FISHEYE_NAMES, path, 0.0), path)
    elif kind.lower() in ("pinhole", "rectified"):
        lens = lens_of("opencv", _given(own, RADIAL_NAMES, path), path)
    else:
        raise InputError(f"{path}: Camera.type {kind} is not understood; write camera.json")
    return _camera(_named(own, ("fx", "fy", "cx", "cy"), path), size, lens)


def _nerfstudio(values: Mapping[str, Any], path: Path) -> PixelCamera:
    height, width = size = _named(values, ("h", "w"), path)
    if "fl_x" in values:
        fx = _named(values, ("fl_x",), path)[0]
        fy = _named(values, ("fl_y",), path, fx)[0]
    else:
        angle = _named(values, ("camera_angle_x",), path)[0]
        if not 0 < angle < math.pi:
            raise InputError(f"{path}: camera_angle_x {angle:g}: radians, above 0; save it again")
        fx = fy = width / 2 / math.tan(angle / 2)
    cx, cy = _named(values, ("cx",), path, width / 2)[0], _named(values, ("cy",), path, height / 2)[0]
    model = str(values.get("camera_model", "OPENCV")).lower()
    if model == "opencv_fisheye":
        lens = lens_of("fisheye", _named(values, FISHEYE_NAMES, path, 0.0), path)
    else:
        _require_pinhole(model, path)
        lens = lens_of("opencv", _given(values, RADIAL_NAMES, path), path)
    # nerfstudio takes its numbers from COLMAP, which counts from the corner of the first pixel.
    return _camera((fx, fy, cx - 0.5, cy - 0.5), size, lens)


def _open3d(values: Mapping[str, Any], path: Path) -> PixelCamera:
    """Return the camera of a `PinholeCameraIntrinsic`: a matrix by columns, or by nested rows, no distortion."""
    matrix = values["intrinsic_matrix"]
    nested = isinstance(matrix[0], list) if matrix else False
    numbers = [number for row in matrix for number in _list(row, path)] if nested else _list(matrix, path)
    if len(numbers) != 9:
        raise InputError(f"{path}: {len(numbers)} numbers in intrinsic_matrix, not 9; write camera.json")
    by_row = numbers if nested else [numbers[row + 3 * column] for row in range(3) for column in range(3)]
    return camera_of_matrix(by_row, path, _size(_named(values, ("height", "width"), path)))


def _camera(focals: Sequence[float], size: Sequence[float] | None, lens: Lens | None) -> PixelCamera:
    fx, fy, cx, cy = focals
    return PixelCamera(fx, fy, cx, cy, _size(size) if size else None, lens)


def _size(sides: Sequence[float]) -> tuple[int, int] | None:
    return (round(sides[0]), round(sides[1])) if all(0 < side < 1e6 for side in sides) else None


def _require_pinhole(model: Any, path: Path) -> None:
    if str(model).lower() not in _PINHOLES:
        known = "pinhole with radial-tangential or equidistant distortion"
        raise InputError(f"{path}: the camera model '{model}' is not understood ({known} is); write camera.json")


def _given(values: Mapping[str, Any], names: Sequence[str], path: Path) -> list[float]:
    """Return the coefficients up to the last one in the file, four or more. Missing ones are 0."""
    last = max((place for place, name in enumerate(names) if name in values), default=-1)
    if last < 0:
        return []
    count = next(count for count in (4, 5, 8) if last < count)
    return _named(values, names[:count], path, 0.0)


def _named(values: Any, names: Sequence[str], path: Path, missing: float | None = None) -> list[float]:
    found = []
    for name in names:
        value = values.get(name, missing) if isinstance(values, dict) else missing
        if value is None:
            raise InputError(f"{path}: no '{name}'; save the calibration again, or write camera.json")
        found.append(_number(value, name, path))
    return found


def _list(value: Any, path: Path) -> list[float]:
    return [_number(one, "a list", path) for one in (value if isinstance(value, list) else [value])[:20]]


def _number(value: Any, name: str, path: Path) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{path}: {name} holds no number; save the calibration again") from error
