"""The camera of an image topic, from the camera_info message that belongs to it."""

import re
from typing import Any

import numpy as np

from egodepth.data.bags.bag import CAMERA_INFO, Bag
from egodepth.data.cameras.opencv_files import matrix_camera
from egodepth.data.cameras.pixels import PixelCamera
from egodepth.foundation.errors import InputError

_TRANSPORT = re.compile(r"/(compressed|theora|ffmpeg)$")
"""Endings that image_transport adds to the topic of the images."""
_RECTIFIED = re.compile(r"/image_rect(_\w+)?$")
"""Endings of topics with rectified images (image_proc)."""


def camera_info_beside(bag: Bag, topic: str) -> str | None:
    """Return the camera_info topic in the namespace of an image topic; None without one."""
    images = _TRANSPORT.sub("", topic)
    namespaces = (images.rpartition("/")[0], images)
    known = bag.named(CAMERA_INFO)
    return next((name for each in namespaces if (name := f"{each}/camera_info") in known), None)


def read_camera_info(bag: Bag, camera_info: str, topic: str, size: tuple[int, int]) -> PixelCamera:
    """Return the camera of the first message of a camera_info topic.

    Images on topics such as image_rect are rectified: their camera is P, without distortion. For all others it is K and
    D (sensor_msgs/CameraInfo, REP 104).

    Args:
        bag: the bag.
        camera_info: the topic of the camera.
        topic: the topic of the images.
        size: (height, width) of the images.

    Raises:
        InputError: no such topic, no calibration in it, or one that is not understood.
    """
    if camera_info not in bag.named(CAMERA_INFO):
        known = bag.named(CAMERA_INFO)
        raise InputError(
            f"{bag.path}: no camera_info topic {camera_info}; "
            + (f"there are: {', '.join(known)}" if known else f"it has no camera_info, but {bag.listing()}")
        )
    _, content = next(bag.messages(camera_info), (0, None))
    if content is None:
        raise InputError(f"{bag.path}: {camera_info} has no messages; record the camera again, or leave it out")
    source = bag.path / camera_info.strip("/")
    message = bag.decoded(camera_info, content)
    values = _values(message, bool(_RECTIFIED.search(_TRANSPORT.sub("", topic))))
    if not values["K"][0]:
        raise InputError(f"{bag.path}: {camera_info} holds no calibration (its K is 0); calibrate the camera")
    camera = matrix_camera(values, size, source)
    if camera is None:
        raise InputError(f"{bag.path}: {camera_info} holds no matrix of a camera; calibrate the camera")
    return camera


def _values(message: Any, is_rectified: bool) -> dict[str, Any]:
    """Return the fields as in ROS's YAML files. They are capitals in ROS 1."""
    names = ("height", "width", "distortion_model", "binning_x", "binning_y")
    values = {name: getattr(message, name) for name in names}
    coefficients, matrix, projection = (
        np.asarray(getattr(message, name, getattr(message, name.upper(), ()))).tolist() for name in ("d", "k", "p")
    )
    roi = {name: getattr(message.roi, name) for name in ("x_offset", "y_offset", "height", "width", "do_rectify")}
    if is_rectified and projection[0]:
        matrix, coefficients = [*projection[:3], *projection[4:7], *projection[8:11]], []
        roi["do_rectify"] = False
    if not message.height or not message.width:
        del values["height"], values["width"]
    return values | {"K": matrix, "D": coefficients, "roi": roi}
