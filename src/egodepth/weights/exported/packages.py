"""The packages of the extra `export`, imported when they are needed."""

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

    OpenVINO and NNCF report their use to their makers from the moment they are imported; they do without where the
    package that sends cannot be imported, and for them it cannot.

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
    """Without what the exporters tell of their own internals: what matters is whether the parity check passes."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
