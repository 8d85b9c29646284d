"""Where folders with a URL are mirrored, and what of them."""

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
    """Return the path itself, or the mirror of a URL, up to date.

    Of a model or run, only the model is fetched. Data and stores are looked at once a process, so that a command sees
    one state of them. Where the store cannot be reached, a mirror that is whole is used, and that is said.

    Raises:
        InputError: no such folder, no access, no network and no mirror, no room, or no driver.
    """
    if not is_remote(source):
        return Path(source)
    return _mirrored(address(source), kind) if kind == "model" else seen_once(address(source), kind)


@contextmanager
def local_store(out: str | Path) -> Iterator[Path]:
    """Yield a folder to prepare a store in: the path itself, or the mirror of a URL, which is sent there at the end.

    What is there already is fetched first, and what an exception leaves unfinished stays in the mirror. Raises
    `InputError` as `RemoteFolder` does.
    """
    if not is_remote(out):
        yield Path(out)
        return
    remote = RemoteFolder(out)
    mirror = place_of(remote.url, "store")
    with locked(mirror):
        # What is there wins: only where nothing is, an earlier preparation that was never sent goes on.
        if remote.files():
            remote.pull(mirror)
        yield mirror
        remote.push(mirror, lambda name: int(name.endswith(".crc")) + 2 * name.endswith("index.json"))


def place_of(url: str, kind: Kind) -> Path:
    """Return where a URL is mirrored; the last folder is called as that of the URL, as drives are named by it."""
    last = re.sub(r"[^\w.-]+", "-", url.rpartition("/")[2]).lstrip(".") or "folder"
    digest = hashlib.blake2b(url.encode(), digest_size=6).hexdigest()
    return cache_folder() / "remote" / f"{kind}-{last[-60:]}-{digest}" / last[-100:]


@contextmanager
def locked(mirror: Path) -> Iterator[None]:
    """Let one process at a time, of those of this machine that want the same folder, do what follows."""
    import fcntl  # here: where there is none, only URLs are missing

    try:
        mirror.parent.mkdir(parents=True, exist_ok=True)
        file = (mirror.parent / ".lock").open("w")
    except OSError as error:
        raise InputError(
            f"{mirror.parent}: cannot be written ({error.strerror}); name another cache folder in EGODEPTH_CACHE"
        ) from error
    with file:
        with suppress(OSError):  # a disk without locks
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
            console.print(f"{error}; taking what was fetched before: {mirror}", highlight=False, soft_wrap=True)
    return mirror


seen_once = cache(_mirrored)
"""The mirror as it was when this process first asked for it."""


def _is_of_a_model(name: str) -> bool:
    """Whether a file is of a model folder, an export folder, or the model of a run: not its checkpoints and logs."""
    return name.endswith(_MODEL_SUFFIXES) and ("/" not in name or name.startswith("model/"))
