"""Pickled arrays of arrays, as published truth is kept, read without running anything and without numpy's unpickling.

A pickle says which functions to call. Arrays name three: numpy's `dtype`, `ndarray` and `_reconstruct`. All others are
refused, and plain classes of this file take the place of these three. To let numpy's own through would not do: they
take flags from the file, and an array of objects that says it holds none makes numpy 2.4 follow bytes of the file as
pointers, which ends the process.
"""

import io
import pickle
import re
from typing import Any

import numpy as np

_DTYPE = re.compile("[fiu][1248]|O8?")


def read_pickled_arrays(content: bytes) -> list[np.ndarray]:
    """Return the arrays of numbers in a pickled array of objects, in their order.

    Raises:
        Exception: of almost any kind, if it is something else, or damaged.
    """
    found = _ArraysOnly(io.BytesIO(content)).load()
    if not isinstance(found, _Array) or not isinstance(found.value, list):
        raise pickle.UnpicklingError("no array of objects")
    if not all(isinstance(one, _Array) and isinstance(one.value, np.ndarray) for one in found.value):
        raise pickle.UnpicklingError("an array of something else than arrays")
    return [one.value for one in found.value]


class _Dtype:
    """Stands for `numpy.dtype`."""

    def __init__(self, code: str, *_: Any) -> None:
        if not _DTYPE.fullmatch(code):
            raise pickle.UnpicklingError(f"numbers of kind {code[:20]!r}")
        self.code, self.order = code, "="

    def __setstate__(self, state: Any) -> None:
        self.order = state[1]
        if self.order not in ("<", ">", "=", "|"):
            raise pickle.UnpicklingError("bytes in an unknown order")


class _Array:
    """Stands for `numpy.ndarray`; `value` is an array of numbers, or the list of what an array of objects holds."""

    value: np.ndarray | list[Any] | None = None

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, fortran, data = state
        if dtype.code[0] == "O":
            self.value = list(data)
            return
        found = np.frombuffer(data, np.dtype(dtype.order + dtype.code))
        self.value = found.reshape(shape, order="F" if fortran else "C")


def _reconstruct(*_: Any) -> _Array:
    """Stands for numpy's function, which makes an array to be filled afterwards."""
    return _Array()


_STAND_INS = {(f"{package}.multiarray", "_reconstruct"): _reconstruct for package in ("numpy.core", "numpy._core")} | {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Dtype,
}


class _ArraysOnly(pickle._Unpickler):  # pyright: ignore[reportAttributeAccessIssue]
    """The unpickler in Python: the one in C takes 4 GB for ten bytes that name the entry 2^28 of its memory."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _STAND_INS:
            raise pickle.UnpicklingError(f"it holds {module}.{name}, not arrays alone")
        return _STAND_INS[module, name]
