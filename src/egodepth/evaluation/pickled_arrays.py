"""Read pickled arrays of arrays, the format of published true depth, without executing code from the file.

A pickle names the functions to call. Arrays need three: numpy's `dtype`, `ndarray` and `_reconstruct`. All others are
refused, and plain classes in this file replace these three. Numpy's own would not be safe. They read flags from the
file: if an array of objects claims to contain none, numpy 2.4 uses bytes of the file as pointers, and the process
crashes.
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
        Exception: almost any type, if the content is something else or damaged.
    """
    found = _ArraysOnly(io.BytesIO(content)).load()
    if not isinstance(found, _Array) or not isinstance(found.value, list):
        raise pickle.UnpicklingError("not an array of objects")
    if not all(isinstance(one, _Array) and isinstance(one.value, np.ndarray) for one in found.value):
        raise pickle.UnpicklingError("an array whose elements are not arrays")
    return [one.value for one in found.value]


class _Dtype:
    """Replaces `numpy.dtype`."""

    def __init__(self, code: str, *_: Any) -> None:
        if not _DTYPE.fullmatch(code):
            raise pickle.UnpicklingError(f"numbers of the unknown type {code[:20]!r}")
        self.code, self.order = code, "="

    def __setstate__(self, state: Any) -> None:
        self.order = state[1]
        if self.order not in ("<", ">", "=", "|"):
            raise pickle.UnpicklingError("an unknown byte order")


class _Array:
    """Replaces `numpy.ndarray`; `value` is an array of numbers, or the list of the elements of an array of objects."""

    value: np.ndarray | list[Any] | None = None

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, fortran, data = state
        if dtype.code[0] == "O":
            self.value = list(data)
            return
        found = np.frombuffer(data, np.dtype(dtype.order + dtype.code))
        self.value = found.reshape(shape, order="F" if fortran else "C")


def _reconstruct(*_: Any) -> _Array:
    """Replaces numpy's function, which returns an array to be filled later."""
    return _Array()


_STAND_INS = {(f"{package}.multiarray", "_reconstruct"): _reconstruct for package in ("numpy.core", "numpy._core")} | {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Dtype,
}


class _ArraysOnly(pickle._Unpickler):  # pyright: ignore[reportAttributeAccessIssue]
    """The unpickler in Python. The one in C allocates 4 GB for ten bytes that refer to entry 2^28 of its memo."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _STAND_INS:
            raise pickle.UnpicklingError(f"it contains {module}.{name}, which is not an array")
        return _STAND_INS[module, name]
