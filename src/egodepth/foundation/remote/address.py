"""What counts as a URL of a folder, and the driver that opens it."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from egodepth.foundation.errors import InputError, require

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

# Two letters and more: `C:/` is a drive of Windows. One slash is enough, as `Path` makes one of two.
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):(/+)(.*)", re.DOTALL)


def is_remote(text: str | Path) -> bool:
    """Whether this is a URL, such as `s3://bucket/folder`, also as a `Path`; plain paths and hub ids are not."""
    return _URL.fullmatch(str(text)) is not None


def address(text: str | Path) -> str:
    """Return the URL in one spelling, without a slash at its end.

    Raises:
        InputError: it names no folder, or carries a password, which would end up in logs and in configurations.
    """
    match = _URL.fullmatch(str(text))
    assert match is not None, f"{text}: not a URL"
    scheme, slashes, rest = match[1].lower(), match[2], match[3].strip("/")
    if re.match(r"[^/@]*:[^/@]*@", rest):
        raise InputError(
            f"{scheme}://: a password in a URL ends up in logs; give it as the driver takes it from the environment, "
            "or in fsspec's configuration"
        )
    slashes = "///" if scheme in ("file", "local") else "//" if len(slashes) == 1 or scheme == "memory" else slashes
    require(bool(rest), f"{scheme}:{slashes}: names no folder; give one")
    return f"{scheme}:{slashes}{rest}"


def shown(text: str | Path) -> str:
    """Return what to call a path or URL in a message."""
    return address(text) if is_remote(text) else str(text)


def connect(url: str) -> tuple["AbstractFileSystem", str]:
    """Return the driver of a URL, and the folder's path as the driver names it.

    Raises:
        InputError: no such kind of store, its driver is not installed, or it does not open.
    """
    import fsspec.core  # here: what never meets a URL need not wait for it
    from fsspec.registry import known_implementations

    scheme = url.partition(":")[0]
    try:
        files, root = fsspec.core.url_to_fs(url)
    except ImportError as error:
        package = str(known_implementations.get(scheme, {}).get("class", "fsspec")).partition(".")[0]
        remedy = f"pip install {package}" if package != "fsspec" else str(error)
        raise InputError(f"{url}: the driver for {scheme}:// is not installed; {remedy}") from error
    except Exception as error:  # drivers have exceptions of their own, without a common base
        if isinstance(error, ValueError) and "not known" in str(error):
            raise InputError(f"{url}: {scheme}:// is no kind of store that fsspec knows; check the URL") from error
        raise InputError(f"{url}: cannot be opened ({type(error).__name__}: {error}); check access and URL") from error
    return files, str(root).rstrip("/")
