"""Retry reads: network disks and worn cables fail for a moment."""

import errno
import time
from collections.abc import Callable
from typing import TypeVar

from egodepth.foundation.errors import InputError

PAUSES = (0.1, 1.0, 5.0)
"""Pauses in seconds before each retry."""
_PASSING = (
    errno.EIO,
    errno.EAGAIN,
    errno.EBUSY,
    errno.EINTR,
    errno.ESTALE,
    errno.ETIMEDOUT,
    errno.ECONNRESET,
    errno.ECONNABORTED,
    errno.ENETDOWN,
    errno.ENETUNREACH,
    errno.EHOSTDOWN,
    errno.EHOSTUNREACH,
    errno.ENOTCONN,
    errno.EREMOTEIO,
)
"""System errors that may pass. A missing or damaged file does not change."""
T = TypeVar("T")


def with_retries(read: Callable[[], T], failed: Callable[[], None]) -> T:
    """Return what `read` returns. It is tried again after pauses if the system's error may pass.

    Args:
        read: raises `InputError`, or `OSError`.
        failed: callback before every pause.

    Raises:
        InputError: it failed for another reason, or every time.
    """
    for pause in (*PAUSES, None):
        try:
            return read()
        except (InputError, OSError) as error:
            if pause is None or not _may_pass(error):
                if isinstance(error, InputError):
                    raise
                raise InputError(f"{error.filename or 'a file'}: cannot be read ({error.strerror})") from error
            failed()
            time.sleep(pause)
    raise AssertionError


def _may_pass(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, OSError) and error.errno in _PASSING:
            return True
        error = error.__cause__
    return False
