"""Decode image messages of ROS and Foxglove to 8-bit RGB (sensor_msgs/image_encodings.h)."""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import UInt8

from egodepth.data.images import MAX_PIXELS, as_eight_bits, decode_rgb
from egodepth.foundation.errors import InputError, require


class _Encoding(NamedTuple):
    """How uncompressed pixels are stored."""

    channels: int
    conversion: str
    """Name of OpenCV's conversion to RGB; empty for none."""
    deep: bool = False
    """Whether values have 16 bits."""


_ENCODINGS = {
    "rgb8": _Encoding(3, ""),
    "bgr8": _Encoding(3, "BGR2RGB"),
    "rgba8": _Encoding(4, "RGBA2RGB"),
    "bgra8": _Encoding(4, "BGRA2RGB"),
    "mono8": _Encoding(1, "GRAY2RGB"),
    "mono16": _Encoding(1, "GRAY2RGB", deep=True),
    "8UC1": _Encoding(1, "GRAY2RGB"),
    "8UC3": _Encoding(3, "BGR2RGB"),  # of OpenCV, whose colours are BGR
    "8UC4": _Encoding(4, "BGRA2RGB"),
    "yuv422": _Encoding(2, "YUV2RGB_UYVY"),
    "uyvy": _Encoding(2, "YUV2RGB_UYVY"),
    "yuv422_yuy2": _Encoding(2, "YUV2RGB_YUY2"),
    "yuyv": _Encoding(2, "YUV2RGB_YUY2"),
}
for _pattern in ("rggb", "bggr", "gbrg", "grbg"):
    _ENCODINGS[f"bayer_{_pattern}8"] = _Encoding(1, f"Bayer{_pattern.upper()}2RGB")
    _ENCODINGS[f"bayer_{_pattern}16"] = _Encoding(1, f"Bayer{_pattern.upper()}2RGB", deep=True)


def is_depth(message: Any) -> bool:
    """Whether an image message holds depth: by its encoding, or by the format that image_transport wrote."""
    kind = message.encoding if hasattr(message, "encoding") else message.format
    return kind.startswith(("16UC1", "32FC1")) or "compressedDepth" in kind


def image_of(message: Any, source: str) -> UInt8[np.ndarray, "h w 3"]:
    """Return the picture of a message as RGB.

    Values of 16 bits are scaled as by `egodepth.data.images.as_rgb`.

    Args:
        message: sensor_msgs/Image, sensor_msgs/CompressedImage or foxglove_msgs/CompressedImage.
        source: bag and topic, for error messages.

    Raises:
        InputError: an encoding without a picture, a size that contradicts the data, over `MAX_PIXELS`, or damage.
    """
    if hasattr(message, "encoding"):
        return _uncompressed(message, source)
    if is_depth(message):
        raise InputError(f"{source}: images of format '{message.format}' are depth, no pictures; name another topic")
    if "compressed bayer_" in message.format:
        raise InputError(f"{source}: compressed Bayer patterns ({message.format}) are not read; convert them to bgr8")
    return decode_rgb(message.data.tobytes(), source)


def _uncompressed(message: Any, source: str) -> UInt8[np.ndarray, "h w 3"]:
    import cv2

    if message.encoding not in _ENCODINGS:
        known = ", ".join(_ENCODINGS)
        raise InputError(f"{source}: images of encoding '{message.encoding}' are no pictures; there are: {known}")
    encoding = _ENCODINGS[message.encoding]
    pixels = _pixels(message, encoding, source)
    if encoding.deep:
        pixels = as_eight_bits(pixels, source)
    if not encoding.conversion:
        return pixels
    try:
        return cv2.cvtColor(pixels, getattr(cv2, f"COLOR_{encoding.conversion}"))
    except cv2.error as error:  # half a pixel of 4:2:2
        size = f"{message.width}x{message.height}"
        raise InputError(f"{source}: an image of {size} cannot have the encoding {message.encoding}") from error


def _pixels(message: Any, encoding: _Encoding, source: str) -> np.ndarray:
    """Return the values as an array (height, width, channels), without the padding of the rows."""
    height, width, step = message.height, message.width, message.step
    kind = np.dtype(("<>"[bool(message.is_bigendian)] + "u2") if encoding.deep else np.uint8)
    row = width * encoding.channels * kind.itemsize
    require(0 < height * width <= MAX_PIXELS, f"{source}: an image of {width}x{height} pixels; record it again")
    require(
        row <= step and height * step <= len(message.data),
        f"{source}: {len(message.data)} bytes are not an image of {width}x{height} with rows of {step} bytes",
    )
    rows = message.data[: height * step].reshape(height, step)[:, :row]
    return np.ascontiguousarray(rows).view(kind).reshape(height, width, encoding.channels)
