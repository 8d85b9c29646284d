"""Names of files in a remote folder: what may lie there, and what says that a folder is whole."""

import os

from egodepth.foundation.errors import InputError

FINISHING = ("checkpoint.json", "index.json")
"""Files that say that the others of their folder are whole: never there beside a file that is about to change."""


def is_hidden(name: str) -> bool:
    """Files being written, locks, and what version control leaves; `..` is no hidden file, but refused."""
    return any(part.startswith(".") and part not in (".", "..") for part in name.split("/"))


def safe_name(name: str, url: str) -> str:
    """The name, if a local file of it lies below the folder."""
    drive = os.name == "nt" and (":" in name or "\\" in name)
    if drive or "\0" in name or any(part in ("", ".", "..") for part in name.split("/")):
        raise InputError(f"{url}: has a file called {name!r}, which cannot be mirrored; rename or remove it there")
    return name


def parent_of(name: str) -> str:
    """The folder that a file is in; empty for the topmost."""
    return name.rpartition("/")[0]


def finishes(name: str) -> bool:
    """Whether it is one of `FINISHING`, in any folder."""
    return name.rpartition("/")[2] in FINISHING
