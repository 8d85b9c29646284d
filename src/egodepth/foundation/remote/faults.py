"""Errors of drivers: retry after temporary ones, and convert the others to an `InputError` with one line."""

import errno
import time
from collections.abc import Callable
from typing import TypeVar

from egodepth.foundation.errors import InputError
from egodepth.foundation.files import not_written

T = TypeVar("T")
WAITS = [0.5, 1.0, 2.0, 4.0]
"""Seconds to wait before each further attempt."""
_NO_ACCESS = ("credential", "authentication", "forbidden", "accessdenied", "unauthorized", "permission")
_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


class UnreachableError(InputError):
    """The network or the server failed; a later attempt may succeed."""


def tried(action: Callable[[], T], url: str) -> T:
    """Return the result of `action`, and retry it after temporary errors.

    Raises:
        FileNotFoundError: a file does not exist.
        InputError: no access, a full disk, an unsupported operation, or (`UnreachableError`) all attempts failed.
    """
    for wait in (*WAITS, None):
        try:
            return action()
        except (FileNotFoundError, InputError):
            raise
        except Exception as error:  # drivers define their own exceptions, without a common base class
            reason = f"{type(error).__name__}: {error}".strip(": ")
            if isinstance(error, OSError) and error.errno in _DISK:
                raise not_written(error.filename or url, error) from error
            if any(word in reason.lower() for word in _NO_ACCESS):
                raise InputError(
                    f"{url}: no access ({reason}); give the driver your credentials, and check your rights"
                ) from error
            if isinstance(error, ValueError | TypeError | NotImplementedError | IsADirectoryError):
                raise InputError(f"{url}: the driver does not support this ({reason})") from error
            if wait is None:
                raise UnreachableError(
                    f"{url}: not reachable after {len(WAITS) + 1} attempts ({reason}); run the same command again"
                ) from error
            time.sleep(wait)
    raise AssertionError("the last attempt returns or raises")
