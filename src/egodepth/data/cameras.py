"""Camera files: `camera.json` beside the frames of a drive, and the check that every camera passes before it is used.

A camera file is a JSON object with `fx`, `fy`, `cx`, `cy` in pixels (OpenCV: the centre of the first pixel is 0) and
the `width` and `height` they belong to (left out: those of the images); or with `fov_deg` alone, the horizontal field
of view of a camera with square pixels and a central axis. An optional `partner` describes the other camera of a
rectified stereo pair: its own numbers (left out: the same) and `baseline_m`, how far to the right of this camera it
is, in metres (negative: to the left).
"""

import json
import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float

from egodepth.errors import InputError
from egodepth.files import write_text
from egodepth.geometry.camera import Camera

CAMERA_FILE = "camera.json"
HOW_TO_WRITE = (
    'write {"fov_deg": 70} with the horizontal field of view, or {"width": 1242, "height": 375, "fx": 721.5, '
    '"fy": 721.5, "cx": 609.6, "cy": 172.9} with the calibration in pixels'
)
FOCAL_WIDTHS = (0.2, 5.0)
"""Focal lengths, in image widths, of cameras that exist: fields of view from 136 down to 11 degrees."""
ASPECT_TOLERANCE = 0.04
"""Resizing to multiples of 32 (KITTI to 1024x320: 3.4 %) leaves a camera valid; KITTI's crop (1216x352: 4.3 %) not."""

_PIXEL_KEYS = ("fx", "fy", "cx", "cy")
_KEYS = {"width", "height", "fov_deg", *_PIXEL_KEYS}


class CameraRig(NamedTuple):
    """What a camera file says; partner fields are None for a single camera."""

    camera: Camera
    partner_camera: Camera | None
    partner_from_self: Float[np.ndarray, "4 4"] | None


def read_camera(path: str | Path, size: tuple[int, int]) -> Camera:
    """The camera of a camera file for images of `size` (height, width); raises as `read_rig`."""
    return read_rig(path, size).camera


def read_rig(path: str | Path, size: tuple[int, int]) -> CameraRig:
    """The camera of a camera file and its stereo partner, for images of `size` (height, width).

    Raises:
        InputError: missing, not JSON, an unknown or missing key, of images of another shape, or absurd intrinsics.
    """
    values = _read_object(path)
    partner = values.pop("partner", None)
    camera = _camera(values, size, path)
    if partner is None:
        return CameraRig(camera, None, None)
    if not isinstance(partner, dict) or "baseline_m" not in partner:
        raise InputError(f"{path}: 'partner' needs 'baseline_m', the distance to the right camera in metres")
    baseline = _number(partner, "baseline_m", path)
    if not 0 < abs(baseline) < 100:
        raise InputError(f"{path}: baseline_m {baseline:g} is not a stereo baseline; give metres, such as 0.54")
    own = {key: value for key, value in partner.items() if key != "baseline_m"}
    return CameraRig(camera, _camera(own, size, path) if own else camera, translation(-baseline))


def write_camera(
    path: str | Path,
    camera: Camera,
    size: tuple[int, int],
    partner: Camera | None = None,
    baseline_m: float | None = None,
) -> None:
    """Write a camera file for images of `size` (height, width), with the stereo partner if `baseline_m` is given."""
    values: dict[str, Any] = _pixel_values(camera, size)
    if baseline_m is not None:
        values["partner"] = {**_pixel_values(partner or camera, size), "baseline_m": baseline_m}
    write_text(path, json.dumps(values, indent=2) + "\n")


def check_camera(camera: Camera, size: tuple[int, int], source: str | Path) -> Camera:
    """Return the camera if a real one could look like it; otherwise an `InputError` that names `source` and the value.

    Raises:
        InputError: not finite, focal length outside 0.2-5 image widths, or centre outside the image.
    """
    height, width = size
    focal = [camera.focal[0].item(), camera.focal[1].item() * height / width]
    centre = camera.centre.tolist()
    if not all(map(math.isfinite, focal + centre)):
        raise InputError(f"{source}: the camera has a value that is not a finite number; calibrate it again")
    for name, value in zip(("fx", "fy"), focal, strict=True):
        if not FOCAL_WIDTHS[0] <= value <= FOCAL_WIDTHS[1]:
            raise InputError(
                f"{source}: {name} is {value * width:.4g} px, {value:.3g} widths of a {width}x{height} image, where "
                f"{FOCAL_WIDTHS[0]} to {FOCAL_WIDTHS[1]} are possible; give it in pixels of that size"
            )
    for name, value, extent in zip(("cx", "cy"), centre, (width, height), strict=True):
        if not 0 <= value <= 1:
            raise InputError(
                f"{source}: {name} is {value * extent - 0.5:.4g} px, outside a {width}x{height} image; "
                "give it in pixels of that size"
            )
    return camera


def check_aspect(camera_size: tuple[int, int], image_size: tuple[int, int], source: str | Path) -> None:
    """Refuse images of another shape than the camera's: they were cropped, which moves the centre by an unknown step.

    Sizes are (height, width); `source` is where the camera comes from. Resized images pass: a normalised camera
    does not change with them.
    """
    (height, width), (image_height, image_width) = camera_size, image_size
    if abs(width * image_height / (height * image_width) - 1) > ASPECT_TOLERANCE:
        raise InputError(
            f"{source}: calibrated for {width}x{height}, but the images are {image_width}x{image_height}, another "
            "shape; use uncropped images or give the calibration of these"
        )


def translation(x: float, y: float = 0.0, z: float = 0.0) -> Float[np.ndarray, "4 4"]:
    """Pose that only moves points, in the units given, float32."""
    pose = np.eye(4, dtype=np.float32)
    pose[:3, 3] = x, y, z
    return pose


def horizontal_fov_deg(camera: Camera) -> float:
    """Angle between the viewing rays of the left and the right edge of the image."""
    focal, centre = camera.focal[0].item(), camera.centre[0].item()
    return math.degrees(math.atan(centre / focal) + math.atan((1 - centre) / focal))


def _pixel_values(camera: Camera, size: tuple[int, int]) -> dict[str, float | int]:
    matrix = Camera(camera.focal.double(), camera.centre.double()).to_pixels(size)
    fx, fy, cx, cy = matrix[0, 0].item(), matrix[1, 1].item(), matrix[0, 2].item(), matrix[1, 2].item()
    return {"width": size[1], "height": size[0], "fx": fx, "fy": fy, "cx": cx, "cy": cy}


def _read_object(path: str | Path) -> dict[str, Any]:
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no camera file; {HOW_TO_WRITE}")
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a readable JSON file; {HOW_TO_WRITE}") from error
    if not isinstance(values, dict):
        raise InputError(f"{path}: not a JSON object; {HOW_TO_WRITE}")
    return values


def _camera(values: dict[str, Any], images: tuple[int, int], path: str | Path) -> Camera:
    """Camera of the numbers in a camera file, checked; `images` is the (height, width) of the images."""
    unknown = sorted(set(values) - _KEYS)
    if unknown:
        raise InputError(f"{path}: unknown key '{unknown[0]}'; {HOW_TO_WRITE}")
    height = _number(values, "height", path) if "height" in values else images[0]
    width = _number(values, "width", path) if "width" in values else images[1]
    if not (1 <= height < math.inf and 1 <= width < math.inf):
        raise InputError(f"{path}: size {width:g}x{height:g}; give the width and height of the images in pixels")
    size = (round(height), round(width))
    check_aspect(size, images, path)
    if "fov_deg" in values:
        fov = _number(values, "fov_deg", path)
        if any(key in values for key in _PIXEL_KEYS) or not 0 < fov < 180:
            raise InputError(f"{path}: fov_deg is {fov:g}; give an angle below 180 and no fx, fy, cx, cy beside it")
        fx = fy = 0.5 * width / math.tan(math.radians(fov) / 2)
        cx, cy = (width - 1) / 2, (height - 1) / 2
    else:
        fx, fy, cx, cy = (_number(values, key, path) for key in _PIXEL_KEYS)
    matrix = torch.tensor([[fx, 0, cx], [0, fy, cy], [0, 0, 1]], dtype=torch.float64)
    camera = Camera.from_pixels(matrix, size)
    return check_camera(Camera(camera.focal.float(), camera.centre.float()), size, path)


def _number(values: dict[str, Any], key: str, path: str | Path) -> float:
    if key not in values:
        raise InputError(f"{path}: '{key}' is missing; {HOW_TO_WRITE}")
    value = values[key]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{path}: {key} is {value!r}, not a number; {HOW_TO_WRITE}")
    return float(value)
