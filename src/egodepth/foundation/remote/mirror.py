"""Local mirrors of folders with a URL."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Literal

from rich.console import Console

from egodepth.foundation.errors import InputError
from egodepth.foundation.files import cache_folder
from egodepth.foundation.remote.address import address, is_remote
from egodepth.foundation.remote.faults import UnreachableError
from egodepth.foundation.remote.folder import RemoteFile, RemoteFolder
from egodepth.foundation.remote.mirrored import Record

Kind = Literal["data", "model", "store", "run"]
_MODEL_SUFFIXES = (".json", ".safetensors", ".onnx", ".xml", ".bin", ".pt2")


def local_folder(source: str | Path, kind: Kind = "data") -> Path:
    """Return the path itself, or an updated mirror of a URL.

    For a model or a run, only the model is fetched. Data and stores are updated once per process, so that a command
    uses one state of them. If the store cannot be reached, a complete mirror is used, and a message says so.

    Raises:
        InputError: no such folder, no access, no network and no mirror, no disk space, or no driver.
    """
    if not is_remote(source):
        return Path(source)
    return _mirrored(address(source), kind) if kind == "model" else seen_once(address(source), kind)


@contextmanager
def local_store(out: str | Path) -> Iterator[Path]:
    """Yield a folder to prepare a store in: the path itself, or the mirror of a URL, which is sent at the end.

    Existing files are fetched first. After an exception, unfinished work stays in the mirror. Errors as in
    `RemoteFolder`.
    """
    if not is_remote(out):
        yield Path(out)
        return
    remote = RemoteFolder(out)
    mirror = place_of(remote.url, "store")
    with locked(mirror):
        # Remote files have priority. Without any, an earlier preparation that was not sent is continued.
        if remote.files():
            remote.pull(mirror)
        yield mirror
        remote.push(mirror, lambda name: int(name.endswith(".crc")) + 2 * name.endswith("index.json"))


def place_of(url: str, kind: Kind) -> Path:
    """Return the mirror's path for a URL. It ends with the name of the URL's folder, because drives are named by it."""
    last = re.sub(r"[^\w.-]+", "-", url.rpartition("/")[2]).lstrip(".") or "folder"
    digest = hashlib.blake2b(url.encode(), digest_size=6).hexdigest()
    return cache_folder() / "remote" / f"{kind}-{last[-60:]}-{digest}" / last[-100:]


@contextmanager
def locked(mirror: Path) -> Iterator[None]:
    """Lock a mirror: only one process of this machine uses it at a time."""
    import fcntl  # here, because only URLs need it, and some systems lack it

    try:
        mirror.parent.mkdir(parents=True, exist_ok=True)
        file = (mirror.parent / ".lock").open("w")
    except OSError as error:
        raise InputError(
            f"{mirror.parent}: cannot be written ({error.strerror}); set EGODEPTH_CACHE to another cache folder"
        ) from error
    with file:
        with suppress(OSError):  # the file system does not support locks
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _mirrored(url: str, kind: Kind) -> Path:
    def wanted(files: Mapping[str, RemoteFile]) -> set[str]:
        names = {name for name in files if kind != "model" or _is_of_a_model(name)}
        if not names:
            raise InputError(f"{url}: no such folder{', or no model in it' * bool(files)}; check the URL")
        return names

    remote, mirror, console = RemoteFolder(url), place_of(url, kind), Console(stderr=True)
    with locked(mirror):
        try:
            remote.pull(mirror, wanted, console)
        except UnreachableError as error:
            if not Record(mirror).complete:
                raise
            console.print(f"{error}; using the files fetched before: {mirror}", highlight=False, soft_wrap=True)
    return mirror


seen_once = cache(_mirrored)
"""Return the mirror, updated only by the first call in this process."""


def _is_of_a_model(name: str) -> bool:
    """Whether a file belongs to a model folder, an export folder, or the model of a run, not to checkpoints or logs."""
    return name.endswith(_MODEL_SUFFIXES) and ("/" not in name or name.startswith("model/"))
