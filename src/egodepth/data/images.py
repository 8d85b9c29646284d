"""Read and write image files: 8-bit colour, 16-bit grey. Every unusable file is an `InputError`."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from jaxtyping import UInt8, UInt16
from PIL import Image, ImageOps, TiffImagePlugin, WebPImagePlugin
from torch.nn.functional import interpolate

from egodepth.foundation.errors import InputError
from egodepth.foundation.files import replacing

try:
    import simplejpeg  # pyright: ignore[reportMissingImports]
except ImportError:  # PIL gives the same pixels, but more slowly
    simplejpeg = None

_TORCH_HAS_LANCZOS = tuple(map(int, torch.__version__.split(".")[:2])) >= (2, 12)
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".ppm", ".pgm", ".tif", ".tiff")
"""Suffixes, in lower case, of image files in a folder."""
UNREAD_SUFFIXES = (
    *(".heic", ".heif", ".avif", ".jxl", ".jp2", ".exr", ".tga"),
    *(".dng", ".cr2", ".cr3", ".nef", ".arw", ".raf", ".rw2", ".orf"),
)
"""Suffixes, in lower case, of unsupported pictures. A message explains what to do with them."""
MAX_PIXELS = 80_000_000
"""Largest image: more than any current camera records. A larger one is treated as damage or attack."""

_FORMATS = (
    *("PNG", "JPEG", "BMP", "PPM"),
    str(TiffImagePlugin.TiffImageFile.format),  # known to PIL once their modules are imported
    str(WebPImagePlugin.WebPImageFile.format),
)
"""Accepted formats, whatever the file name. PIL would run Ghostscript for PostScript, and reads dozens of others."""
_ORIENTATION = 0x0112
_BITS = (8, 10, 12, 14, 16)
"""Bit depths of cameras. A grey picture of more than 8 bits is scaled by the smallest that holds its largest value.
16-bit files often hold 10 or 12 bits, and would look nearly black."""
T = TypeVar("T")


def read_rgb(path: str | Path) -> UInt8[np.ndarray, "h w 3"]:
    """Decode an image file as `as_rgb` does.

    Raises:
        InputError: missing, empty, truncated, not an image, more than `MAX_PIXELS`, or as for `as_rgb`.
    """
    return _opened(path, lambda image: _read_rgb(image, str(path)))


def decode_rgb(data: bytes, name: str) -> UInt8[np.ndarray, "h w 3"]:
    """Decode the bytes of an image file as `read_rgb` does, and raise as it does; `name` is for messages."""
    return _decoded(BytesIO(data), Path(name), lambda image: _read_rgb(image, name))


def as_rgb(image: Image.Image) -> UInt8[np.ndarray, "h w 3"]:
    """Return a PIL image as 8-bit RGB, upright by its EXIF tag. Grey becomes three equal channels; alpha is dropped.

    Grey of more than 8 bits is scaled by the smallest of 8, 10, 12, 14 and 16 bits that holds its largest value, and
    floating point from [0, 1].

    Raises:
        InputError: floating point beyond [0, 1], values beyond 16 bits, or colours of 12 bits in 16.
    """
    return _decode_rgb(image, _has_deep_colours(image), "image")


def read_uint16(path: str | Path) -> UInt16[np.ndarray, "h w"]:
    """Return the raw numbers of a 16-bit grey PNG, such as KITTI's depth and disparity maps.

    Raises:
        InputError: as for `read_rgb`, or an image of another kind.
    """

    def decode(image: Image.Image) -> UInt16[np.ndarray, "h w"]:
        if not image.mode.startswith("I"):
            raise InputError(f"{path}: {image.mode} image where 16-bit grey is expected; give the original PNG")
        return np.asarray(image).astype(np.uint16)

    return _opened(path, decode)


def image_size(path: str | Path) -> tuple[int, int]:
    """Return the (height, width) of `read_rgb`, from the header alone; raises `InputError` likewise."""

    def size(image: Image.Image) -> tuple[int, int]:
        # EXIF orientations 5 to 8 swap height and width.
        turned = image.getexif().get(_ORIENTATION, 1) in (5, 6, 7, 8)
        return (image.width, image.height) if turned else (image.height, image.width)

    return _opened(path, size)


def write_image(path: str | Path, array: np.ndarray) -> None:
    """Write uint8 RGB (h, w, 3), uint8 grey (h, w) or uint16 grey (h, w). The suffix chooses the format.

    The file appears complete or not at all.

    Raises:
        InputError: the file cannot be written.
    """
    with replacing(path) as beside:
        # Quality 92 with full colour resolution: higher quality enlarges files without visible gain.
        jpeg = beside.suffix.lower() in (".jpg", ".jpeg")
        options: dict[str, Any] = {"quality": 92, "subsampling": 0} if jpeg else {}
        Image.fromarray(np.ascontiguousarray(array)).save(beside, **options)


def resize_rgb(image: UInt8[np.ndarray, "h w 3"], size: tuple[int, int]) -> UInt8[np.ndarray, "hr wr 3"]:
    """Resize to (height, width) edge to edge by an antialiased Lanczos filter."""
    if image.shape[:2] == tuple(size):
        return image
    # PIL's Lanczos filter with the processor's vector instructions takes a quarter of PIL's time, and differs by at
    # most two grey levels (0.004 on average, KITTI at 640x192). Shortcuts in decoding are not exact enough: libjpeg's
    # own downscaling (5/8, then Lanczos) is off by 5 grey levels on average.
    if not _TORCH_HAS_LANCZOS:
        resized = Image.fromarray(np.ascontiguousarray(image)).resize((size[1], size[0]), Image.Resampling.LANCZOS)
        return np.array(resized)
    planes = torch.from_numpy(np.require(image, requirements=["C", "W"])).permute(2, 0, 1)[None]
    resized = interpolate(planes, tuple(size), mode="lanczos", antialias=True)
    return np.ascontiguousarray(resized[0].permute(1, 2, 0).numpy())


def _has_deep_colours(image: Image.Image) -> bool:
    """Whether an undecoded file has 16 bits per channel. Reading its EXIF tag would decode it."""
    return any("16" in str(tile.args) for tile in getattr(image, "tile", ()))


def _is_upright(image: Image.Image) -> bool:
    return image.getexif().get(_ORIENTATION, 1) == 1


def _read_rgb(image: Image.Image, name: str) -> UInt8[np.ndarray, "h w 3"]:
    is_deep = _has_deep_colours(image)
    pixels = _decode_jpeg(image) if _is_upright(image) else None
    return _decode_rgb(image, is_deep, name) if pixels is None else pixels


def _decode_rgb(image: Image.Image, is_deep: bool, name: str) -> UInt8[np.ndarray, "h w 3"]:
    # Neither `exif_transpose` nor `convert` without need: each copies the picture, which costs a third of the decoding
    # time.
    upright = image if _is_upright(image) else ImageOps.exif_transpose(image)
    if upright.mode[0] in "IF":  # PIL would clip these at 255
        return np.repeat(as_eight_bits(np.asarray(upright), name)[..., None], 3, -1)
    pixels = np.array(upright if upright.mode == "RGB" else upright.convert("RGB"))
    # PIL keeps the upper byte of 16-bit colours. With 12-bit values almost nothing remains there.
    if is_deep and pixels.size and pixels.max() < 1 << 12 - 8:
        raise InputError(f"{name}: 16-bit colours that use 12 bits at most would be black; convert it to 8 bits")
    return pixels


def as_eight_bits(values: np.ndarray, name: str) -> UInt8[np.ndarray, "*shape"]:
    """Return values of more than 8 bits, or in floating point, as 8 bits; scales and raises as `as_rgb`."""
    low, high = (values.min(), values.max()) if values.size else (0, 0)
    if values.dtype.kind == "f":
        if not (low >= 0 and high <= 1):  # also refuses values that are not a number
            raise InputError(f"{name}: floating-point values beyond [0, 1]; convert it to 8 bits")
        return np.round(values * 255).astype(np.uint8)
    bits = next((bits for bits in _BITS if high < 1 << bits), None)
    if low < 0 or bits is None:
        raise InputError(f"{name}: values beyond 16 bits; convert it to 8 bits")
    return (values.astype(np.uint16) >> (bits - 8)).astype(np.uint8)


def _decode_jpeg(image: Image.Image) -> UInt8[np.ndarray, "h w 3"] | None:
    """Decode a colour JPEG in three quarters of PIL's time, to the same pixels; None if PIL has to decode it."""
    file = getattr(image, "fp", None)
    if simplejpeg is None or image.format != "JPEG" or image.mode != "RGB" or file is None:
        return None
    file.seek(0)
    try:
        return simplejpeg.decode_jpeg(file.read())
    except ValueError:
        return None  # damaged or unusual: PIL decides


def _opened(path: str | Path, use: Callable[[Image.Image], T]) -> T:
    """Apply `use` to the opened image. Every failure is an `InputError`."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such image file; check the path")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: the image file is empty; copy it again or delete it")
    return _decoded(path, path, use)


def _decoded(file: Path | BytesIO, path: Path, use: Callable[[Image.Image], T]) -> T:
    """Apply `use` to the image of a file with this path for messages."""
    try:
        with Image.open(file, formats=_FORMATS) as image:
            if image.format != "TIFF" and getattr(image, "is_animated", False):
                raise InputError(f"{path}: an animation, not one picture; convert it to a video (MP4)")
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
        if path.suffix.lower() in UNREAD_SUFFIXES:
            raise InputError(f"{path}: pictures of this kind are not read; convert it to JPEG or PNG") from error
        raise InputError(f"{path}: not a readable image, or truncated; copy it again or delete it") from error
