"""Import the packages of the extra `export` on demand."""

import importlib
import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from egodepth.foundation.errors import InputError

_TELEMETRY = "openvino_telemetry"


def optional_package(name: str) -> Any:
    """Import a package of the extra `export`.

    OpenVINO and NNCF report their use to their makers from the import on. They work without it if the package that
    sends the reports cannot be imported, so this function blocks that package.

    Raises:
        InputError: it is not installed, or does not work here.
    """
    absent = object()
    telemetry = sys.modules.get(_TELEMETRY, absent)
    sys.modules[_TELEMETRY] = None  # pyright: ignore[reportArgumentType]
    try:
        with quiet():
            return importlib.import_module(name)
    except ImportError as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"this needs {name} ({reason}): pip install 'egodepth[export]'") from error
    finally:
        del sys.modules[_TELEMETRY]
        if telemetry is not absent:
            sys.modules[_TELEMETRY] = telemetry  # pyright: ignore[reportArgumentType]


@contextmanager
def quiet() -> Iterator[None]:
    """Suppress the exporters' messages about their internals. The parity check decides on the result."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
