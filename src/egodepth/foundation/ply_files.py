"""Write and read point clouds as PLY files: binary, little endian, one vertex per point."""

from pathlib import Path

import numpy as np
from jaxtyping import Float, Shaped, UInt8

from egodepth.foundation.errors import InputError, require
from egodepth.foundation.files import not_written, replacing
from egodepth.foundation.reading import require_ordinary

_TYPES = {"<f4": "float", "|u1": "uchar", "<i4": "int"}
"""PLY's names of the number types."""
_AXES = "axes of a camera: x right, y down, z forward; MeshLab and Open3D show it upside down"
_UNIT = "metres where the model is metric, else up to scale"
_HEADER = 400
"""Length in bytes of the header's start, which contains the comments above."""
_LONGEST_LINE, _MOST_LINES = 200, 100
"""Limits of a header: bytes of a line, and lines."""


def refuse_other_cloud(path: Path) -> None:
    """Refuse to overwrite a point cloud that egodepth did not write; `InputError` names it."""
    try:
        with path.open("rb") as file:
            ours = _AXES.encode() in file.read(_HEADER)
    except FileNotFoundError:
        return
    except OSError as error:
        raise not_written(path, error) from error
    require(ours, f"{path}: exists already, and is not from egodepth; choose another --out")


def write_ply(
    path: str | Path,
    xyz: Float[np.ndarray, "n 3"],
    rgb: UInt8[np.ndarray, "n 3"],
    **more: Shaped[np.ndarray, "n"],
) -> None:
    """Write points with colours, and further named columns (32-bit floats or integers, or bytes)."""
    columns = {name: xyz[:, index].astype("<f4") for index, name in enumerate("xyz")}
    columns |= {name: rgb[:, index] for index, name in enumerate(("red", "green", "blue"))}
    columns |= more
    rows = np.empty(len(xyz), [(name, column.dtype) for name, column in columns.items()])
    for name, column in columns.items():
        rows[name] = column
    properties = "".join(f"property {_TYPES[column.dtype.str]} {name}\n" for name, column in columns.items())
    comments = "".join(f"comment {line}\n" for line in (_AXES, _UNIT))
    vertices = f"element vertex {len(rows)}\n{properties}"
    header = f"ply\nformat binary_little_endian 1.0\n{comments}{vertices}end_header\n"
    with replacing(path) as beside, beside.open("wb") as file:
        file.write(header.encode("ascii"))
        file.write(rows.tobytes())


def read_ply(path: Path) -> np.ndarray:
    """Return the vertices of a file of `write_ply`, as a structured array with the names of its columns.

    Raises:
        InputError: missing, damaged, or of another program.
    """
    try:
        require_ordinary(path)
        with path.open("rb") as file:
            lines = [file.readline(_LONGEST_LINE).decode("ascii").split() for _ in range(3)]
            if lines[:2] != [["ply"], ["format", "binary_little_endian", "1.0"]]:
                raise ValueError("not a binary PLY file, little endian")
            while lines[-1] != ["end_header"]:
                if not lines[-1] or len(lines) > _MOST_LINES:
                    raise ValueError("its header does not end")
                lines.append(file.readline(_LONGEST_LINE).decode("ascii").split())
            (count,) = (int(words[2]) for words in lines if words[:2] == ["element", "vertex"])
            kinds = {name: dtype for dtype, name in _TYPES.items()}
            columns = [(words[2], kinds[words[1]]) for words in lines if words[0] == "property"]
            dtype = np.dtype(columns)
            if count < 0:
                raise ValueError(f"{count} points")
            rows = np.frombuffer(file.read(count * dtype.itemsize + 1), dtype)
    except FileNotFoundError as error:
        raise InputError(f"{path}: is gone") from error
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise InputError(f"{path}: not a point cloud of egodepth ({error})") from error
    require(len(rows) == count, f"{path}: damaged; its header says {count} points, and it holds {len(rows)}")
    return rows
