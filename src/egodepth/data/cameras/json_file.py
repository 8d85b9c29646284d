"""Read and write `camera.json`, the camera file of egodepth; see `egodepth.data.cameras`."""

import json
import math
from pathlib import Path
from typing import Any

from egodepth.data.cameras.opencv_files import matrix_camera
from egodepth.data.cameras.pixels import PixelCamera, lens_of
from egodepth.data.cameras.slam_files import slam_camera
from egodepth.foundation.errors import InputError
from egodepth.foundation.files import write_text
from egodepth.foundation.reading import parse_json, read_text
from egodepth.geometry.camera import Camera, focal_of_fov
from egodepth.geometry.distortion import FisheyeLens, Lens

CAMERA_FILE = "camera.json"
HOW_TO_WRITE = (
    'write {"fov_deg": 70} with the horizontal field of view, or {"width": 1242, "height": 375, "fx": 721.5, '
    '"fy": 721.5, "cx": 609.6, "cy": 172.9} with the calibration in pixels'
)
_MOST_CHARACTERS = 1 << 20
_PIXEL_KEYS = ("fx", "fy", "cx", "cy")
_LENS_KEYS = ("distortion", "distortion_model")
_KEYS = {"width", "height", "fov_deg", *_PIXEL_KEYS, *_LENS_KEYS}


def read_json(path: Path, images: tuple[int, int]) -> tuple[PixelCamera, PixelCamera | None, float]:
    """Return the camera, the stereo partner's camera (None without one), and its distance to the right in metres.

    Args:
        path: the camera file.
        images: (height, width) of the images.

    Raises:
        InputError: not JSON, an unknown or missing key, or an unusable value.
    """
    values = _read_object(path)
    if (foreign := _foreign(values, images, path)) is not None:
        return foreign, None, 0.0
    partner = values.pop("partner", None)
    camera = _camera(values, images, path)
    if partner is None:
        return camera, None, 0.0
    if not isinstance(partner, dict) or "baseline_m" not in partner:
        raise InputError(f"{path}: 'partner' needs 'baseline_m', the distance to the right camera in metres")
    baseline = _number(partner, "baseline_m", path)
    if not 1e-4 < abs(baseline) < 100:
        raise InputError(f"{path}: baseline_m {baseline:g} is not a stereo baseline; give metres, such as 0.54")
    own = {key: value for key, value in partner.items() if key != "baseline_m"}
    other = _camera(own, images, path) if own else camera
    if camera.lens or other.lens:
        raise InputError(f"{path}: a stereo pair with distortion is not rectified; rectify it and leave distortion out")
    return camera, other, baseline


def _foreign(values: dict[str, Any], images: tuple[int, int], path: Path) -> PixelCamera | None:
    """Return the camera of another program's file; None if the keys or the file name are those of egodepth."""
    if "partner" in values or set(values) <= _KEYS or (path.name == CAMERA_FILE and "fx" in values):
        return None
    return slam_camera(values, path) or matrix_camera(values, images, path)


def write_camera(
    path: str | Path,
    camera: Camera,
    size: tuple[int, int],
    partner: Camera | None = None,
    baseline_m: float | None = None,
    lens: Lens | None = None,
) -> None:
    """Write a camera file for images of `size` (height, width). With `baseline_m`, it includes the stereo partner."""
    values: dict[str, Any] = _pixel_values(camera, size)
    if lens is not None:
        values["distortion"] = list(lens)
        values["distortion_model"] = "fisheye" if isinstance(lens, FisheyeLens) else "opencv"
    if baseline_m is not None:
        values["partner"] = {**_pixel_values(partner or camera, size), "baseline_m": baseline_m}
    write_text(path, json.dumps(values, indent=2) + "\n")


def _pixel_values(camera: Camera, size: tuple[int, int]) -> dict[str, float | int]:
    matrix = Camera(camera.focal.double(), camera.centre.double()).to_pixels(size)
    fx, fy, cx, cy = matrix[0, 0].item(), matrix[1, 1].item(), matrix[0, 2].item(), matrix[1, 2].item()
    return {"width": size[1], "height": size[0], "fx": fx, "fy": fy, "cx": cx, "cy": cy}


def _read_object(path: Path) -> dict[str, Any]:
    try:
        values = parse_json(
            read_text(path, _MOST_CHARACTERS), finite=False
        )  # a value that is not finite gets its own message below
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a readable JSON file; {HOW_TO_WRITE}") from error
    if not isinstance(values, dict):
        raise InputError(f"{path}: not a JSON object; {HOW_TO_WRITE}")
    return values


def _camera(values: dict[str, Any], images: tuple[int, int], path: Path) -> PixelCamera:
    unknown = sorted(set(values) - _KEYS)
    if unknown:
        raise InputError(f"{path}: unknown key '{unknown[0]}'; {HOW_TO_WRITE}")
    height = _number(values, "height", path) if "height" in values else images[0]
    width = _number(values, "width", path) if "width" in values else images[1]
    if not (1 <= height < math.inf and 1 <= width < math.inf):
        raise InputError(f"{path}: size {width:g}x{height:g}; give the width and height of the images in pixels")
    size = (round(height), round(width))
    if "fov_deg" not in values:
        fx, fy, cx, cy = (_number(values, key, path) for key in _PIXEL_KEYS)
        return PixelCamera(fx, fy, cx, cy, size, _lens(values, path))
    fov = _number(values, "fov_deg", path)
    if any(key in values for key in _PIXEL_KEYS) or not 0 < fov < 180:
        raise InputError(f"{path}: fov_deg is {fov:g}; give an angle below 180 and no fx, fy, cx, cy beside it")
    if any(key in values for key in _LENS_KEYS):
        raise InputError(f"{path}: distortion belongs to a calibration in pixels; give fx, fy, cx, cy, not fov_deg")
    focal = focal_of_fov(fov, width)
    return PixelCamera(focal, focal, (width - 1) / 2, (height - 1) / 2, size)


def _lens(values: dict[str, Any], path: Path) -> Lens | None:
    coefficients, model = values.get("distortion", []), values.get("distortion_model", "opencv")
    numbers = isinstance(coefficients, list) and all(
        isinstance(value, int | float) and not isinstance(value, bool) for value in coefficients
    )
    if not numbers or not isinstance(model, str) or ("distortion_model" in values and "distortion" not in values):
        raise InputError(
            f'{path}: write "distortion": [k1, k2, p1, p2, k3] in OpenCV\'s order, or "distortion": [k1, k2, k3, k4] '
            'and "distortion_model": "fisheye"'
        )
    return lens_of(model, [float(value) for value in coefficients], path)


def _number(values: dict[str, Any], key: str, path: Path) -> float:
    if key not in values:
        raise InputError(f"{path}: '{key}' is missing; {HOW_TO_WRITE}")
    value = values[key]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{path}: {key} is {value!r}, not a number; {HOW_TO_WRITE}")
    return float(value)
