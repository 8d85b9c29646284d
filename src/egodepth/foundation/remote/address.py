"""Recognise URLs of folders, and open their drivers."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from egodepth.foundation.errors import InputError, require

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

# At least two letters, because `C:/` is a Windows drive. One slash is enough, because `Path` reduces two to one.
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):(/+)(.*)", re.DOTALL)


def is_remote(text: str | Path) -> bool:
    """Whether a text or `Path` is a URL, such as `s3://bucket/folder`; plain paths and hub ids are not."""
    return _URL.fullmatch(str(text)) is not None


def address(text: str | Path) -> str:
    """Return the normalised URL, without a slash at its end.

    Raises:
        InputError: the URL names no folder, or contains a password, which would appear in logs and configurations.
    """
    match = _URL.fullmatch(str(text))
    assert match is not None, f"{text}: not a URL"
    scheme, slashes, rest = match[1].lower(), match[2], match[3].strip("/")
    if re.match(r"[^/@]*:[^/@]*@", rest):
        raise InputError(
            f"{scheme}://: a password in a URL appears in logs; give it by the driver's environment variables or by "
            "fsspec's configuration"
        )
    slashes = "///" if scheme in ("file", "local") else "//" if len(slashes) == 1 or scheme == "memory" else slashes
    require(bool(rest), f"{scheme}:{slashes}: names no folder; give one")
    return f"{scheme}:{slashes}{rest}"


def shown(text: str | Path) -> str:
    """Return a path or URL in the form for messages."""
    return address(text) if is_remote(text) else str(text)


def connect(url: str) -> tuple["AbstractFileSystem", str]:
    """Return the driver of a URL, and the path of the folder in this driver.

    Raises:
        InputError: an unknown kind of store, its driver is not installed, or it cannot be opened.
    """
    import fsspec.core  # here, because it is slow to import, and only URLs need it
    from fsspec.registry import known_implementations

    scheme = url.partition(":")[0]
    try:
        files, root = fsspec.core.url_to_fs(url)
    except ImportError as error:
        package = str(known_implementations.get(scheme, {}).get("class", "fsspec")).partition(".")[0]
        remedy = f"pip install {package}" if package != "fsspec" else str(error)
        raise InputError(f"{url}: the driver for {scheme}:// is not installed; {remedy}") from error
    except Exception as error:  # drivers define their own exceptions, without a common base class
        if isinstance(error, ValueError) and "not known" in str(error):
            raise InputError(f"{url}: fsspec does not know {scheme}://; check the URL") from error
        raise InputError(f"{url}: cannot be opened ({type(error).__name__}: {error}); check access and URL") from error
    return files, str(root).rstrip("/")
