"""pycolmap, imported when it is needed, and nowhere else."""

import importlib
from typing import Any

from egodepth.errors import InputError


def pycolmap() -> Any:
    """The library, silenced; an `InputError` says how to install it."""
    try:
        library = importlib.import_module("pycolmap")
    except ImportError as error:
        raise InputError("structure from motion needs pycolmap: pip install 'egodepth[sfm]'") from error
    library.logging.minloglevel = int(library.logging.Level.FATAL)
    return library
