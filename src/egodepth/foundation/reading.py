"""Read untrusted files: bounded in size and depth, with finite numbers. Anything else is an OSError or ValueError.

Callers explain in their own words what the file should contain.
"""

import json
import math
import os
import stat
import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

MOST_TEXT = 64 << 20
"""Most characters of a text: some hundred times more than KITTI's lists."""
MOST_ARRAYS = 2 << 30
"""Most bytes of all arrays of a file, unpacked: a depth map of 80 megapixels with its inverse, in doubles."""
_LARGEST = 1 << 63


def read_text(path: str | Path, most: int = MOST_TEXT) -> str:
    """Return the text of a file in UTF-8, with or without a byte-order mark.

    Raises:
        OSError: missing, not permitted, or no ordinary file (reading a pipe might never end).
        ValueError: another encoding, or more than `most` characters.
    """
    require_ordinary(path)
    with open(path, encoding="utf-8-sig") as file:
        text = file.read(most + 1)
    if len(text) > most:
        raise ValueError(f"more than {most >> 20} MB of text")
    return text


def require_ordinary(path: str | Path) -> None:
    """Raise OSError if a path is missing or no ordinary file: reading a pipe might never end."""
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise OSError(f"{path} is not an ordinary file")


def read_lines(path: str | Path) -> list[str]:
    """Return the stripped lines of a text file without blank lines and comments (`#`).

    Raises as `read_text`.
    """
    stripped = (line.strip() for line in read_text(path).splitlines())
    return [line for line in stripped if line and not line.startswith("#")]


def read_json(path: str | Path, most: int = MOST_TEXT, finite: bool = True) -> Any:
    """Return the content of a JSON file; raises as `read_text` and `parse_json`."""
    return parse_json(read_text(path, most), finite)


def json_object(path: str | Path) -> dict[str, Any] | None:
    """Return the object in a JSON file; None if it holds none, or is unreadable."""
    try:
        content = read_json(path)
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def parse_json(text: str, finite: bool = True) -> Any:
    """Return the content of JSON text.

    Args:
        text: untrusted text.
        finite: refuse NaN and Infinity, which are not valid JSON, but which Python writes.

    Raises:
        ValueError: not JSON, nested too deeply, or a number that is not finite or has more than 63 bits.
    """
    try:
        return json.loads(
            text,
            parse_int=_whole,
            parse_float=_finite if finite else None,
            parse_constant=_finite if finite else None,
        )
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def read_npz(path: str | Path, names: Collection[str] = (), most: int = MOST_ARRAYS) -> dict[str, np.ndarray]:
    """Return the arrays of an NPZ file by name. Nothing is unpickled, and no array may exceed its stated size.

    Args:
        path: the file.
        names: the requested arrays, as far as they exist; all by default.
        most: limit of the bytes of these arrays together.

    Raises:
        OSError: missing, or not permitted.
        ValueError: damaged, with arrays of objects, or larger than `most`.
    """
    require_ordinary(path)
    try:
        with zipfile.ZipFile(path) as archive:
            members = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
            wanted = {name: member for name, member in members.items() if name in names or not names}
            if sum(member.file_size for member in wanted.values()) > most:
                raise ValueError(f"more than {most >> 20} MB of arrays")
            arrays: dict[str, np.ndarray] = {}
            for name, member in wanted.items():
                with archive.open(member) as stream:
                    arrays[name] = _array(stream, member.file_size)
            return arrays
    except OSError:
        raise
    # Damaged archives raise almost anything: BadZipFile, zlib.error, NotImplementedError, RuntimeError, TokenError, ...
    except Exception as error:
        raise ValueError(f"not an archive of arrays ({error})") from error


def _array(stream: Any, size: int) -> np.ndarray:
    """Return the array of a NPY stream of `size` bytes. It must contain what its header promises."""
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read(stream)
    if dtype.hasobject or dtype.itemsize == 0 or math.prod(shape) * dtype.itemsize > size:
        raise ValueError(f"{dtype.name} of shape {shape} in {size} bytes")
    array = np.frombuffer(stream.read(), dtype).copy()  # writable, like the arrays of numpy.load
    return array.reshape(shape[::-1]).T if fortran else array.reshape(shape)


def _whole(digits: str) -> int:
    value = int(digits)
    if abs(value) >= _LARGEST:
        raise ValueError("a number of more than 63 bits")
    return value


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:20]} is not finite")
    return value
