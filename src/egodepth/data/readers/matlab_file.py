"""Matrices in MATLAB's files of version 5, as MATLAB 5 to 7.2 save them (MAT-File Format, MathWorks).

Read here, not by `scipy.io.loadmat`: of 4000 damaged laser files one ends its process by a segmentation fault (scipy
1.17.1), which no `except` catches.
"""

import math
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

_MOST_BYTES = 256 << 20
"""Of a file, and of a matrix, unpacked."""
_HEADER = 128
_MATRIX, _COMPRESSED = 14, 15
_NUMBERS = {1: "i1", 2: "u1", 3: "<i2", 4: "<u2", 5: "<i4", 6: "<u4", 7: "<f4", 9: "<f8", 12: "<i8", 13: "<u8"}
"""How numbers are stored, by the kind of their element: often in fewer bytes than the matrix has."""
_NUMERIC = range(6, 16)
"""Classes of matrices that hold numbers: from double to uint64."""
_COMPLEX = 0x800


def read_matrix(path: Path, name: str) -> np.ndarray:
    """Return the matrix of this name, of whatever type its numbers are stored in.

    Raises:
        OSError: missing, or may not be read.
        ValueError: not such a file, damaged, without this matrix, or a matrix of something else than real numbers.
    """
    with path.open("rb") as file:
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES or content[_HEADER - 4 : _HEADER] != b"\x00\x01IM":
        raise ValueError("not a file of MATLAB 5 to 7.2, or a huge one")
    for kind, data in _elements(content[_HEADER:]):
        if kind == _COMPRESSED:
            kind, data = next(_elements(_unpacked(data)), (0, b""))
        if kind == _MATRIX and (found := _matrix(data, name)) is not None:
            return found
    raise ValueError(f"no matrix '{name}'")


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield kind and content of one element after the other."""
    place = 0
    while place + 8 <= len(data):
        kind, size = (int.from_bytes(data[at : at + 4], "little") for at in (place, place + 4))
        begin = place + 8
        if kind >> 16:  # up to four bytes lie within the tag
            kind, size, begin = kind & 0xFFFF, kind >> 16, place + 4
            place, room = place + 8, 4
        else:
            place, room = begin + (size if kind == _COMPRESSED else -(-size // 8) * 8), len(data) - begin
        if size > room:
            raise ValueError("truncated")
        yield kind, data[begin : begin + size]


def _unpacked(data: bytes) -> bytes:
    """Return what was compressed, if it is no more than `_MOST_BYTES`."""
    stream = zlib.decompressobj()
    try:
        content = stream.decompress(data, _MOST_BYTES)
    except zlib.error as error:
        raise ValueError("damaged") from error
    if not stream.eof:
        raise ValueError("truncated, or huge")
    return content


def _matrix(data: bytes, name: str) -> np.ndarray | None:
    """Return the matrix if it has this name; its flags, extents, name and numbers follow one another."""
    parts = list(_elements(data))
    if len(parts) < 4 or len(parts[0][1]) != 8 or len(parts[1][1]) % 4:
        raise ValueError("a damaged matrix")
    if parts[2][1] != name.encode():
        return None
    flags = int.from_bytes(parts[0][1][:4], "little")
    kind, numbers = parts[3]
    if flags & 0xFF not in _NUMERIC or flags & _COMPLEX or kind not in _NUMBERS:
        raise ValueError("a matrix of something else than real numbers")
    shape = np.frombuffer(parts[1][1], "<i4").tolist()
    stored = np.frombuffer(numbers, _NUMBERS[kind])
    if min(shape, default=0) < 0 or math.prod(shape) != stored.size:
        raise ValueError(f"{stored.size} numbers for a matrix of {shape}")
    return stored.reshape(shape, order="F")
