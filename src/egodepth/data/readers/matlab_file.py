"""Read matrices from MATLAB files of version 5, which MATLAB 5 to 7.2 write (MAT-File Format, MathWorks).

`scipy.io.loadmat` is not used: one of 4000 damaged laser files caused a segmentation fault (scipy 1.17.1), which no
`except` catches.
"""

import math
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

_MOST_BYTES = 256 << 20
"""Largest size of a file, and of an unpacked matrix."""
_HEADER = 128
_MATRIX, _COMPRESSED = 14, 15
_NUMBERS = {1: "i1", 2: "u1", 3: "<i2", 4: "<u2", 5: "<i4", 6: "<u4", 7: "<f4", 9: "<f8", 12: "<i8", 13: "<u8"}
"""Storage types of numbers by the type code of their element; they are often smaller than the matrix's type."""
_NUMERIC = range(6, 16)
"""Classes of numeric matrices: from double to uint64."""
_COMPLEX = 0x800


def read_matrix(path: Path, name: str) -> np.ndarray:
    """Return the matrix of this name, in the type in which its numbers are stored.

    Raises:
        OSError: the file is missing or cannot be read.
        ValueError: another format, a damaged file, no matrix of this name, or its elements are not real numbers.
    """
    with path.open("rb") as file:
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES or content[_HEADER - 4 : _HEADER] != b"\x00\x01IM":
        raise ValueError("not a file of MATLAB 5 to 7.2, or too large")
    for kind, data in _elements(content[_HEADER:]):
        if kind == _COMPRESSED:
            kind, data = next(_elements(_unpacked(data)), (0, b""))
        if kind == _MATRIX and (found := _matrix(data, name)) is not None:
            return found
    raise ValueError(f"no matrix '{name}'")


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the type code and the content of each element."""
    place = 0
    while place + 8 <= len(data):
        kind, size = (int.from_bytes(data[at : at + 4], "little") for at in (place, place + 4))
        begin = place + 8
        if kind >> 16:  # up to four bytes of data are inside the tag
            kind, size, begin = kind & 0xFFFF, kind >> 16, place + 4
            place, room = place + 8, 4
        else:
            place, room = begin + (size if kind == _COMPRESSED else -(-size // 8) * 8), len(data) - begin
        if size > room:
            raise ValueError("truncated")
        yield kind, data[begin : begin + size]


def _unpacked(data: bytes) -> bytes:
    """Return the decompressed content, of at most `_MOST_BYTES`."""
    stream = zlib.decompressobj()
    try:
        content = stream.decompress(data, _MOST_BYTES)
    except zlib.error as error:
        raise ValueError("damaged") from error
    if not stream.eof:
        raise ValueError("truncated, or too large")
    return content


def _matrix(data: bytes, name: str) -> np.ndarray | None:
    """Return the matrix if it has this name, else None. Its parts are flags, extents, name and numbers, in order."""
    parts = list(_elements(data))
    if len(parts) < 4 or len(parts[0][1]) != 8 or len(parts[1][1]) % 4:
        raise ValueError("a damaged matrix")
    if parts[2][1] != name.encode():
        return None
    flags = int.from_bytes(parts[0][1][:4], "little")
    kind, numbers = parts[3]
    if flags & 0xFF not in _NUMERIC or flags & _COMPLEX or kind not in _NUMBERS:
        raise ValueError("a matrix whose elements are not real numbers")
    shape = np.frombuffer(parts[1][1], "<i4").tolist()
    stored = np.frombuffer(numbers, _NUMBERS[kind])
    if min(shape, default=0) < 0 or math.prod(shape) != stored.size:
        raise ValueError(f"{stored.size} numbers for a matrix of shape {shape}")
    return stored.reshape(shape, order="F")
