"""Point clouds of a PLY file, read by the header's own words."""

from pathlib import Path

import numpy as np

KINDS = {"float": "<f4", "uchar": "u1", "int": "<i4"}


def read_ply(path: Path) -> np.ndarray:
    """The vertices by the header's own words."""
    header, _, body = path.read_bytes().partition(b"end_header\n")
    lines = header.decode("ascii").splitlines()
    first, form, element, *properties = [line for line in lines if not line.startswith("comment ")]
    assert (first, form) == ("ply", "format binary_little_endian 1.0")
    words = [line.split() for line in properties]
    assert all(word[0] == "property" for word in words)
    rows = np.frombuffer(body, [(name, KINDS[kind]) for _, kind, name in words])
    assert element == f"element vertex {len(rows)}"
    return rows
