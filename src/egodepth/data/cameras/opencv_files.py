"""What OpenCV and ROS say of a camera, and what people write by hand, once it is read from YAML or JSON."""

from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from egodepth.data.cameras.pixels import PixelCamera, camera_of_matrix, lens_of
from egodepth.errors import InputError

_MOST_NUMBERS = 100
"""Of one entry: a few lines may name millions, each a name for a list of names."""
MATRICES = ("camera_matrix", "cameraMatrix", "K", "k", "M1")
_COEFFICIENTS = (
    "distortion_coefficients",
    "distCoeffs",
    "dist_coeffs",
    "dist_coeff",
    "dist",
    "distortion",
    "D",
    "d",
    "D1",
)
_NAMES = ("k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6")
_SIZES = (("image_height", "image_width"), ("height", "width"))


def matrix_camera(values: Mapping[str, Any], images: tuple[int, int], path: Path) -> PixelCamera | None:
    """The camera of raw images, before any rectification, by its matrix or by `fx fy cx cy`; None of other files.

    ROS's matrix is that of the whole sensor; its region of interest and binning are applied, unless the images have the
    size of the whole (sensor_msgs/CameraInfo).

    Args:
        values: of the file.
        images: (height, width).
        path: of the file, for messages.

    Raises:
        InputError: a matrix or distortion that is not understood, or rectified images.
    """
    matrix = _numbers(_first(values, MATRICES), path)
    if not matrix and all(name in values for name in ("fx", "cx", "cy")):
        fx, fy, cx, cy = _numbers([values["fx"], values.get("fy", values["fx"]), values["cx"], values["cy"]], path)
        matrix = [fx, 0.0, cx, 0.0, fy, cy, 0.0, 0.0, 1.0]
    if len(matrix) != 9:
        return None
    size = None
    for height, width in _SIZES:
        if height in values and width in values:
            rows, columns = _numbers([values[height], values[width]], path)
            size = (round(rows), round(columns)) if 0 < rows < 1e6 and 0 < columns < 1e6 else (0, 0)
            break
    coefficients = _numbers(_first(values, _COEFFICIENTS) or [], path)
    if not coefficients and any(name in values for name in _NAMES):
        coefficients = _numbers([values.get(name, 0) for name in _NAMES], path)
    model = values.get("distortion_model") or ("fisheye" if values.get("fisheye_model") == 1 else "opencv")
    if not isinstance(model, str):
        raise InputError(f"{path}: distortion_model is not a word; save the calibration again")
    camera = camera_of_matrix(matrix, path, size, lens_of(model, coefficients, path))
    return _binned(_cropped(camera, values.get("roi"), images, path), values, path)


def _cropped(camera: PixelCamera, roi: Any, images: tuple[int, int], path: Path) -> PixelCamera:
    """The camera of a region of the sensor; `roi` as ROS has it: all zeros mean the whole."""
    if not isinstance(roi, dict):
        return camera
    x, y, height, width = _numbers([roi.get(name, 0) for name in ("x_offset", "y_offset", "height", "width")], path)
    if roi.get("do_rectify") is True:
        raise InputError(f"{path}: its images are rectified (roi.do_rectify); write what its P says into camera.json")
    if not all(0 <= value < 1e6 for value in (x, y, height, width)):
        raise InputError(f"{path}: no region of interest (roi: {x:g}, {y:g}, {width:g}x{height:g}); save it again")
    region = (round(height), round(width))
    if not all(region) or (camera.size == images and region != images):
        return camera
    return camera._replace(cx=camera.cx - x, cy=camera.cy - y, size=region)


def _binned(camera: PixelCamera, values: Mapping[str, Any], path: Path) -> PixelCamera:
    """The camera where so many pixels were joined to one; 0 and 1 mean none were."""
    across, down = (max(1.0, each) for each in _numbers([values.get(f"binning_{axis}", 0) for axis in "xy"], path))
    if across == down or camera.size is None:  # to shrink an image evenly changes nothing of a camera's shape
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


def _numbers(value: Any, path: Path) -> list[float]:
    """Of a list, of lists within one, or of a matrix with its `data`; words such as 1e-05 count."""
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
        # Never all of what a stranger's lists of lists of lists unfold to.
        shown = value[:40] if isinstance(value, str) else type(value).__name__
        raise InputError(f"{path}: '{shown}' where a number is expected; save the calibration again") from error


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
