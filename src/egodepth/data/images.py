"""Reading and writing image files: 8-bit colour, 16-bit grey. Every file that cannot be used is an `InputError`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from jaxtyping import UInt8, UInt16
from PIL import Image, ImageOps

from egodepth.errors import InputError
from egodepth.files import replacing

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".ppm", ".pgm", ".tif", ".tiff")
"""File names, in lower case, that count as images when a folder is listed."""
MAX_PIXELS = 80_000_000
"""More than any camera of today records; what is larger is taken for damage or attack before it eats the memory."""

_ORIENTATION = 0x0112
T = TypeVar("T")


def read_rgb(path: str | Path) -> UInt8[np.ndarray, "h w 3"]:
    """Decode an image as 8-bit RGB, upright by its EXIF tag; grey becomes three equal channels, alpha is dropped.

    Raises:
        InputError: missing, empty, truncated, not an image, or of more than `MAX_PIXELS`.
    """
    return _opened(path, _decode_rgb)


def read_uint16(path: str | Path) -> UInt16[np.ndarray, "h w"]:
    """Decode a 16-bit grey PNG, such as KITTI's depth and disparity maps, as the raw numbers.

    Raises:
        InputError: as for `read_rgb`, or an image of another kind.
    """

    def decode(image: Image.Image) -> UInt16[np.ndarray, "h w"]:
        if not image.mode.startswith("I"):
            raise InputError(f"{path}: {image.mode} image where 16-bit grey is expected; give the original PNG")
        return np.asarray(image).astype(np.uint16)

    return _opened(path, decode)


def image_size(path: str | Path) -> tuple[int, int]:
    """(height, width) that `read_rgb` will return, from the header alone; raises `InputError` likewise."""

    def size(image: Image.Image) -> tuple[int, int]:
        # EXIF orientations 5 to 8 turn the picture on its side.
        turned = image.getexif().get(_ORIENTATION, 1) >= 5
        return (image.width, image.height) if turned else (image.height, image.width)

    return _opened(path, size)


def write_image(path: str | Path, array: np.ndarray) -> None:
    """Write uint8 RGB (h, w, 3), uint8 grey (h, w) or uint16 grey (h, w); the suffix chooses the format.

    The file is there whole or not at all.

    Raises:
        InputError: the file cannot be written.
    """
    with replacing(path) as beside:
        # Quality 92 with full colour resolution: beyond it files grow and pictures do not improve.
        jpeg = beside.suffix.lower() in (".jpg", ".jpeg")
        options: dict[str, Any] = {"quality": 92, "subsampling": 0} if jpeg else {}
        Image.fromarray(np.ascontiguousarray(array)).save(beside, **options)


def resize_rgb(image: UInt8[np.ndarray, "h w 3"], size: tuple[int, int]) -> UInt8[np.ndarray, "hr wr 3"]:
    """Resize to (height, width) edge to edge with a Lanczos filter that widens as it shrinks: no aliasing."""
    if image.shape[:2] == tuple(size):
        return image
    resized = Image.fromarray(np.ascontiguousarray(image)).resize((size[1], size[0]), Image.Resampling.LANCZOS)
    return np.array(resized)


def _decode_rgb(image: Image.Image) -> UInt8[np.ndarray, "h w 3"]:
    upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith("I"):
        # PIL would clip 16-bit values at 255; keep the upper byte instead.
        grey = (np.asarray(upright).astype(np.uint16) >> 8).astype(np.uint8)
        return np.repeat(grey[..., None], 3, -1)
    return np.array(upright.convert("RGB"))


def _opened(path: str | Path, use: Callable[[Image.Image], T]) -> T:
    """Apply `use` to the opened image, with everything that can go wrong as one `InputError`."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such image file; check the path")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: the image file is empty; copy it again or delete it")
    try:
        with Image.open(path) as image:
            if image.width * image.height > MAX_PIXELS:
                raise Image.DecompressionBombError(f"{image.width}x{image.height} pixels")
            return use(image)
    except InputError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InputError(f"{path}: over {MAX_PIXELS // 10**6} megapixels; shrink the image or delete it") from error
    except PermissionError as error:
        raise InputError(f"{path}: may not be read; change its permissions") from error
    # Decoders raise almost anything on damaged bytes: OSError, SyntaxError, ValueError, struct.error, ...
    except Exception as error:
        raise InputError(f"{path}: not a readable image, or truncated; copy it again or delete it") from error
