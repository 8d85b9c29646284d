"""Import pycolmap on demand. No other module imports it."""

import importlib
from typing import Any

from egodepth.foundation.errors import InputError


class NoColmapError(InputError):
    """pycolmap is not installed."""


def pycolmap() -> Any:
    """Return the library with its log silenced; a `NoColmapError` explains how to install it."""
    try:
        library = importlib.import_module("pycolmap")
    except ImportError as error:
        raise NoColmapError("structure from motion needs pycolmap: pip install 'egodepth[sfm]'") from error
    library.logging.minloglevel = int(library.logging.Level.FATAL)
    return library
