"""Write and read files of arrays, complete or not at all."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from egodepth.foundation.errors import InputError
from egodepth.foundation.files import replacing
from egodepth.foundation.reading import read_npz

_MOST_BYTES = 64 << 30
"""Largest file: the trajectories of a day of video."""


def write_arrays(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write arrays and numbers by name (NPZ)."""
    with replacing(path) as beside:
        np.savez(beside, **arrays)


def read_arrays(path: Path) -> dict[str, Any]:
    """Read the result of `write_arrays`; `InputError` if it is damaged."""
    try:
        return dict(read_npz(path, most=_MOST_BYTES))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: damaged; delete its folder and start the command again") from error
