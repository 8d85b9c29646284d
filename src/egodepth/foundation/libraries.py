"""Import optional packages on demand."""

from importlib import import_module
from typing import Any

from egodepth.foundation.errors import InputError


def optional_library(name: str, needed_by: str, extra: str) -> Any:
    """Return an optional package; `InputError` explains how to install it.

    Args:
        name: the module.
        needed_by: what needs the package, such as "a rerun recording".
        extra: the extra of egodepth that installs it.
    """
    try:
        return import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise InputError(f"{needed_by} needs {package}; pip install 'egodepth[{extra}]'") from error
