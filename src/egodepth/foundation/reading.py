"""Reading files of strangers: bounded in size and depth, with finite numbers; otherwise an OSError or ValueError.

Callers say in their own words what the file should have been.
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
"""Characters: some hundred times more than the lists of KITTI have."""
MOST_ARRAYS = 2 << 30
"""Bytes of all arrays of a file together, unpacked: a depth map of 80 megapixels with its inverse, in doubles."""
_LARGEST = 1 << 63


def read_text(path: str | Path, most: int = MOST_TEXT) -> str:
    """The text of a file in UTF-8, with or without a byte-order mark.

    Raises:
        OSError: missing, may not be read, or no ordinary file (reading a pipe might never end).
        ValueError: not in this encoding, or more than `most` characters.
    """
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise OSError(f"{path} is not an ordinary file")
    with open(path, encoding="utf-8-sig") as file:
        text = file.read(most + 1)
    if len(text) > most:
        raise ValueError(f"more than {most >> 20} MB of text")
    return text


def read_lines(path: str | Path) -> list[str]:
    """The lines of a text file that are neither blank nor a comment (`#`), without blanks around them.

    Raises as `read_text` does.
    """
    stripped = (line.strip() for line in read_text(path).splitlines())
    return [line for line in stripped if line and not line.startswith("#")]


def read_json(path: str | Path, most: int = MOST_TEXT, finite: bool = True) -> Any:
    """What a JSON file holds; raises as `read_text` and `parse_json` do."""
    return parse_json(read_text(path, most), finite)


def json_object(path: str | Path) -> dict[str, Any] | None:
    """The object that a JSON file holds; None where it holds none, or cannot be read."""
    try:
        content = read_json(path)
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def parse_json(text: str, finite: bool = True) -> Any:
    """What JSON text holds.

    Args:
        text: of a stranger.
        finite: refuse NaN and Infinity, which JSON does not know, but Python writes.

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
    """Arrays of an NPZ file by name; nothing is unpickled, and nothing unpacked that is larger than it says.

    Args:
        path: of the file.
        names: of the arrays that are wanted, as far as they are there; all if left out.
        most: bytes of these arrays together.

    Raises:
        OSError: missing, or may not be read.
        ValueError: damaged, with arrays of objects, or larger than `most`.
    """
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
    """The array of a NPY stream of `size` bytes: what its header promises must be there."""
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read(stream)
    if dtype.hasobject or dtype.itemsize == 0 or math.prod(shape) * dtype.itemsize > size:
        raise ValueError(f"{dtype.name} of shape {shape} in {size} bytes")
    array = np.frombuffer(stream.read(), dtype).copy()  # to be written to, as those of numpy.load
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
