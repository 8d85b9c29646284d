"""Read the cameras of OpenCV and ROS, and hand-written ones, from the values of a YAML or JSON file."""

import math
import re
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from egodepth.data.cameras.pixels import (
    FISHEYE_NAMES,
    RADIAL_NAMES,
    PixelCamera,
    camera_of_matrix,
    is_fisheye,
    is_lens,
    lens_of,
)
from egodepth.foundation.errors import InputError
from egodepth.geometry.distortion import Lens

MATRICES = ("camera_matrix", "cameraMatrix", "K", "k", "M1")
_COEFFICIENTS = (
    *("distortion_coefficients", "distortion_coeffs", "distCoeffs", "dist_coeffs", "dist_coeff", "dist", "distortion"),
    *("D", "d", "D1"),
)
_MODELS = (
    *("distortion_model", "distortion_type", "dist_model", "camera_model", "lens_model", "projection_type"),
    *("model", "type"),
)
"""Keys of the distortion model, the most reliable first; `model` and `type` may be a manufacturer's own words."""
_PINHOLES = ("pinhole", "simple_pinhole", "perspective", "none", "")
_STRANGE = re.compile(r"fisheye|omni|equi|sphere|kannala|\b(mei|ds|eucm|fov|ocam)\b|unified", re.IGNORECASE)
"""Lens models that are far from a pinhole camera."""
_LISTS = ("data", "parameters", "params", "values", "coefficients", "coeffs")
"""Keys of the list of coefficients within a distortion entry."""
_SIZES = (("image_height", "image_width"), ("height", "width"))
_BY_ANY_CASE = {"fx", "fy", "cx", "cy", "skew", "width", "height", *RADIAL_NAMES}
_OF_A_LENS = re.compile(r"dist(?!ance)\w*|\w*coeff\w*|radial\w*|tangential\w*|xi", re.IGNORECASE)
"""Keys that belong to a lens, whatever else a file holds."""
_COEFFICIENT = re.compile(r"[kp][1-9]", re.IGNORECASE)
"""Keys that belong to a lens if their value is one number: `P1` may be the projection of a stereo camera."""
_MOST_NUMBERS = 100
"""Most numbers that one entry may have. YAML aliases can expand a few lines to millions of numbers."""


def matrix_camera(values: Mapping[str, Any], images: tuple[int, int], path: Path) -> PixelCamera | None:
    """Return the camera of raw images, before rectification, from a matrix or from `fx fy cx cy`; None for other files.

    ROS's matrix belongs to the whole sensor. Its region of interest and binning are applied, unless the images have the
    size of the whole sensor (sensor_msgs/CameraInfo).

    Args:
        values: the content of the file.
        images: (height, width).
        path: the file, for messages.

    Raises:
        InputError: a matrix or distortion in an unknown form, or a camera of rectified images.
    """
    values = {_by_any_case(key, value): value for key, value in values.items()}
    matrix = _numbers(_first(values, MATRICES), path)
    if not matrix and "fx" in values:
        if missing := [name for name in ("cx", "cy") if name not in values]:
            raise InputError(f"{path}: fx without {missing[0]}; give fx fy cx cy, in pixels, or write camera.json")
        defaults = {"fy": values["fx"], "skew": 0.0}
        fx, skew, cx, fy, cy = _scalars({**defaults, **values}, ("fx", "skew", "cx", "fy", "cy"), path)
        matrix = [fx, skew, cx, 0.0, fy, cy, 0.0, 0.0, 1.0]
    if len(matrix) != 9:
        return None
    camera = camera_of_matrix(matrix, path, _size(values, path), _lens(values, path))
    return _binned(_cropped(camera, values.get("roi"), images, path), values, path)


def is_of_a_camera(name: str) -> bool:
    """Whether the reader uses a value of this name. A file may give such a value only once."""
    known = {*MATRICES, *_COEFFICIENTS, *_MODELS, *(side for pair in _SIZES for side in pair)}
    return name in known or name.lower() in _BY_ANY_CASE or bool(_OF_A_LENS.fullmatch(name))


def _by_any_case(key: Any, value: Any) -> Any:
    """Return the usual spelling of the name of a single number."""
    is_number = not isinstance(value, list | dict)
    return key.lower() if isinstance(key, str) and is_number and key.lower() in _BY_ANY_CASE else key


def _size(values: Mapping[str, Any], path: Path) -> tuple[int, int] | None:
    for names in _SIZES:
        given = [name for name in names if name in values]
        if len(given) == 1 and "fx" in values:
            raise InputError(f"{path}: {given[0]} alone; give both sides of the images, or none")
        if len(given) == 2:
            rows, columns = _scalars(values, names, path)
            return (round(rows), round(columns)) if 0 < rows < 1e6 and 0 < columns < 1e6 else (0, 0)
    return None


def _lens(values: Mapping[str, Any], path: Path) -> Lens | None:
    """Return the lens from a list of coefficients or from their names. Any other lens entry must be zero or empty."""
    place = next((key for key in _COEFFICIENTS if key in values), None)
    listed = values[place] if place else None
    if isinstance(listed, str):  # `distortion: radtan` names the model
        values, listed = {**values, "distortion_model": listed}, None
    own: Mapping[str, Any] = listed if isinstance(listed, dict) else {}
    if strangers := [key for key in own if key not in (*_LISTS, *_MODELS, *RADIAL_NAMES, "rows", "cols", "dt")]:
        raise InputError(f"{path}: '{strangers[0]}' of {place} is not understood; write camera.json")
    model = _model({**values, **own}, path)
    coefficients = _numbers(_first(own, _LISTS) if own else listed, path)
    named = own or values
    names = FISHEYE_NAMES if model == "fisheye" else RADIAL_NAMES
    if not coefficients and any(name in named for name in names):
        coefficients = _scalars(dict.fromkeys(names, 0.0) | dict(named), names, path)
        if model == "opencv" and coefficients[5] and not {"p1", "p2", "k5"} & set(named):
            raise InputError(f"{path}: k1 to k4 of a lens of no named kind; write distortion_model: fisheye, or opencv")
    for key, value in values.items():
        if key not in (place, *names, *_MODELS) and _says_something(key, value, path):
            raise InputError(f"{path}: '{key}' is of a lens that is not understood; write camera.json")
    return lens_of(model, coefficients, path)


def _says_something(key: Any, value: Any, path: Path) -> bool:
    """Whether an entry describes the lens and is not all zeros, empty or words."""
    if not isinstance(key, str) or value is None or isinstance(value, str):
        return False
    if _COEFFICIENT.fullmatch(key):
        return not isinstance(value, list | dict) and any(_numbers(value, path))
    if not _OF_A_LENS.fullmatch(key):
        return False
    return isinstance(value, dict) or any(_numbers(value, path))


def _model(values: Mapping[str, Any], path: Path) -> str:
    """Return the name of the distortion model; `opencv` if no entry names one."""
    if values.get("fisheye_model") == 1:
        return "fisheye"
    for key in _MODELS:
        word = values.get(key)
        if key == "distortion_model" and not isinstance(word, str | None):
            raise InputError(f"{path}: distortion_model is not a word; save the calibration again")
        if not isinstance(word, str):
            continue
        name = word.strip().lower().removeprefix("opencv_")
        if is_lens(name):
            return "fisheye" if is_fisheye(name) else name
        if name in _PINHOLES:
            continue
        if key == "distortion_model":
            return word  # the caller reports the supported models
        if _STRANGE.search(name):
            raise InputError(f"{path}: the camera model '{word[:40]}' is not understood; write camera.json")
    return "opencv"


def _cropped(camera: PixelCamera, roi: Any, images: tuple[int, int], path: Path) -> PixelCamera:
    """Return the camera of a region of the sensor. As in ROS, a `roi` of zeros means the whole sensor."""
    if not isinstance(roi, dict):
        return camera
    names = ("x_offset", "y_offset", "height", "width")
    x, y, height, width = _scalars(dict.fromkeys(names, 0) | roi, names, path)
    if roi.get("do_rectify") is True:
        raise InputError(f"{path}: its images are rectified (roi.do_rectify); write what its P says into camera.json")
    if not all(0 <= value < 1e6 for value in (x, y, height, width)):
        raise InputError(f"{path}: no region of interest (roi: {x:g}, {y:g}, {width:g}x{height:g}); save it again")
    region = (round(height), round(width))
    if not all(region) or (camera.size == images and region != images):
        return camera
    return camera._replace(cx=camera.cx - x, cy=camera.cy - y, size=region)


def _binned(camera: PixelCamera, values: Mapping[str, Any], path: Path) -> PixelCamera:
    """Return the camera after binning, the joining of pixels. Factors of 0 and 1 mean no binning."""
    names = ("binning_x", "binning_y")
    across, down = (max(1.0, each) for each in _scalars(dict.fromkeys(names, 0) | dict(values), names, path))
    if across == down or camera.size is None:  # even binning does not change a normalised camera
        return camera
    height, width = camera.size
    return camera._replace(
        fx=camera.fx / across,
        fy=camera.fy / down,
        cx=(camera.cx + 0.5) / across - 0.5,
        cy=(camera.cy + 0.5) / down - 0.5,
        size=(round(height / down), round(width / across)),
    )


def _first(values: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    return next((values[key] for key in keys if key in values), None)


def _scalars(values: Mapping[str, Any], names: Sequence[str], path: Path) -> list[float]:
    """Return one number for each name."""
    found = []
    for name in names:
        numbers = _numbers(values[name], path)
        if len(numbers) != 1 or not math.isfinite(numbers[0]):
            raise InputError(f"{path}: {name} is not one number; save the calibration again")
        found += numbers
    return found


def _numbers(value: Any, path: Path) -> list[float]:
    """Return the numbers of a list, nested lists, or a matrix with `data`. Words such as 1e-05 count as numbers."""
    if isinstance(value, dict):
        value = value.get("data")
    if value is None:
        return []
    unfolded = (inner for outer in _listed(value) for inner in _listed(outer))
    return [_number(inner, path) for inner in islice(unfolded, _MOST_NUMBERS)]


def _number(value: Any, path: Path) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError) as error:
        # Never print a whole foreign structure: nested lists may expand to a huge text.
        shown = value[:40] if isinstance(value, str) else type(value).__name__
        raise InputError(f"{path}: '{shown}' where a number is expected; save the calibration again") from error


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
