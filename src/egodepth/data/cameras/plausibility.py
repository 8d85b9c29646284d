"""The plausibility check that every camera passes before it is used."""

import math
from pathlib import Path

import numpy as np
from jaxtyping import Float

from egodepth.foundation.errors import InputError
from egodepth.geometry.camera import Camera

FOCAL_WIDTHS = (0.2, 5.0)
"""Possible focal lengths in image widths: fields of view from 136 down to 11 degrees."""
FISHEYE_FOCAL_WIDTHS = (0.05, 5.0)
"""Possible focal lengths of fisheyes, whose image circle may fill only a part of the image."""
ASPECT_TOLERANCE = 0.04
"""Tolerance of aspect ratios. Resizing to multiples of 32 passes (KITTI to 1024x320: 3.4 %); KITTI's crop (1216x352:
4.3 %) does not."""


def check_camera(
    camera: Camera, size: tuple[int, int], source: str | Path, focal_widths: tuple[float, float] = FOCAL_WIDTHS
) -> Camera:
    """Return the camera if it is plausible, or raise an `InputError` that names `source` and the value.

    Raises:
        InputError: not finite, focal length outside 0.2-5 image widths (`focal_widths`), or centre outside the image.
    """
    height, width = size
    focal = [camera.focal[0].item(), camera.focal[1].item() * height / width]
    centre = camera.centre.tolist()
    if not all(map(math.isfinite, focal + centre)):
        raise InputError(f"{source}: the camera has a value that is not a finite number; calibrate it again")
    for name, value in zip(("fx", "fy"), focal, strict=True):
        if not focal_widths[0] <= value <= focal_widths[1]:
            raise InputError(
                f"{source}: {name} is {value * width:.4g} px, {value:.3g} widths of a {width}x{height} image, where "
                f"{focal_widths[0]} to {focal_widths[1]} are possible; give it in pixels of that size"
            )
    for name, value, extent in zip(("cx", "cy"), centre, (width, height), strict=True):
        if not 0 <= value <= 1:
            raise InputError(
                f"{source}: {name} is {value * extent - 0.5:.4g} px, outside a {width}x{height} image; "
                "give it in pixels of that size"
            )
    return camera


def check_aspect(camera_size: tuple[int, int], image_size: tuple[int, int], source: str | Path) -> None:
    """Refuse images with another aspect ratio than the camera's. They were cropped, which moves the centre.

    Sizes are (height, width); `source` is the origin of the camera. Resized images pass, because a normalised camera
    does not change with the image size.
    """
    (height, width), (image_height, image_width) = camera_size, image_size
    if abs(width * image_height / (height * image_width) - 1) > ASPECT_TOLERANCE:
        raise InputError(
            f"{source}: calibrated for {width}x{height}, but the images are {image_width}x{image_height}, another "
            "shape; use uncropped images or give the calibration of these"
        )


def translation(x: float, y: float = 0.0, z: float = 0.0) -> Float[np.ndarray, "4 4"]:
    """Return the pose of a pure translation, in the given units, float32."""
    pose = np.eye(4, dtype=np.float32)
    pose[:3, 3] = x, y, z
    return pose


def horizontal_fov_deg(camera: Camera) -> float:
    """Return the angle between the viewing rays of the left and the right edge of the image."""
    focal, centre = camera.focal[0].item(), camera.centre[0].item()
    return math.degrees(math.atan(centre / focal) + math.atan((1 - centre) / focal))
