"""A folder with a URL: synchronise its files with a local folder by fsspec, in either direction."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from fsspec.callbacks import Callback
from rich.console import Console

from egodepth.foundation.errors import InputError
from egodepth.foundation.progress import counting_bar
from egodepth.foundation.remote.address import address, connect
from egodepth.foundation.remote.faults import tried
from egodepth.foundation.remote.mirrored import Record, is_hidden, local_names, remove_files, require_room

FINISHING = ("checkpoint.json", "index.json")
"""Files that mark their folder as complete. They are never in a folder in which another file is about to change."""
_AT_ONCE, _BATCH, _ROUNDS = 16, 256, 5
"""Number of parallel transfers, if the driver supports them; of files that are sent before they are recorded; and of
attempts to fetch a folder that changes at the same time."""
_PUT_IS_ATOMIC = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oss", "hf"}
_VERSIONS = ("ETag", "etag", "md5Hash", "generation", "blob_id", "mtime", "LastModified", "last_modified", "created")
"""Keys under which drivers report the version of a file; the first one found is used. `fsspec.ukey` is not used: it
treats a new access time as a change, and needs one request per file."""
Select = Callable[[Mapping[str, "RemoteFile"]], set[str]]


class RemoteFile(NamedTuple):
    """Size and version of a file, as the driver reports them."""

    size: int
    """Size in bytes; -1 if the store does not report it."""
    version: str
    """A text that changes when the file changes."""


class RemoteFolder:
    """A folder with a URL. Names of files are relative to it, with slashes; hidden files are ignored.

    Every method raises `InputError`: no access, no network, no disk space, or an operation that the driver does not
    support.
    """

    def __init__(self, url: str | Path) -> None:
        """Find the driver; this makes no request to the store."""
        self.url = address(url)
        # Any, because every driver has its own types.
        self._fs: Any
        self._fs, self._root = connect(self.url)
        self._at_once = {"batch_size": _AT_ONCE} if self._fs.async_impl else {}
        protocol = self._fs.protocol
        self._put_is_atomic = not _PUT_IS_ATOMIC.isdisjoint([protocol] if isinstance(protocol, str) else protocol)

    def files(self) -> dict[str, RemoteFile]:
        """Return the current files by name; empty if the folder does not exist.

        A URL of a file, and a file name that points out of the folder, are errors.
        """
        self._fs.invalidate_cache()
        try:
            found = tried(lambda: self._fs.find(self._root, detail=True), self.url)
        except FileNotFoundError:
            return {}
        files: dict[str, RemoteFile] = {}
        for path, info in sorted(found.items()):
            if str(path).rstrip("/") == self._root and info["type"] == "file":
                raise InputError(f"{self.url}: is a file; give its folder")
            name = str(path).removeprefix(self._root).removeprefix("/")
            if info.get("islink") and self._fs.isdir(path):
                raise InputError(f"{self.url}: {name} is a link to a folder, and is not followed; give real folders")
            # Object stores represent empty folders by files whose name ends with a slash.
            if (info["type"] == "file" or info.get("islink")) and not name.endswith("/") and not is_hidden(name):
                self._require_safe(name)
                files[name] = _described(info)
        return files

    def pull(self, local: Path, wanted: Select = set, console: Console | None = None) -> None:
        """Make a local folder equal to this one: fetch files that differ, and remove files that are not here.

        Each file is complete or missing. An interrupted call is resumed by the next one. The folder is listed again
        after the last file, so that the result is a state that it had at one time. A folder that keeps changing is an
        error.

        Args:
            local: the local folder, with its record in the parent folder; it need not exist.
            wanted: selects the files; all by default.
            console: prints the amount of data; standard error by default.
        """
        record, console = Record(local), console or Console(stderr=True)
        for number in range(_ROUNDS):
            remote = self.files()
            names = wanted(remote)
            other = [name for name in local_names(local, hidden=True) if name not in names]
            lacking = {name: max(remote[name].size, 0) for name in names if not record.same(name, remote[name].version)}
            if not other and not lacking:
                if not record.complete:
                    record.mark(True)
                return
            record.mark(False)
            remove_files(local, other)
            require_room(local, sum(lacking.values()))
            if lacking and not number:
                size = f"{len(lacking)} files, {sum(lacking.values()) / 1e6:.1f} MB"
                console.print(f"{self.url}: {size}, to {local}", highlight=False, soft_wrap=True)
            self._move(lacking, partial(self._fetch, record, remote), console)
        raise InputError(f"{self.url}: changes while it is fetched; try again when no program writes to it")

    def push(
        self, local: Path, rank: Callable[[str], int | None] = lambda _: 0, console: Console | None = None
    ) -> None:
        """Send new and changed files of a local folder; no remote file is removed.

        Args:
            local: the local folder, with its record in the parent folder.
            rank: returns the rank of a file, None for a file that is not sent. All files of a rank are sent before
                those of the next rank. A file in `FINISHING` must have the last rank of its folder. It is removed
                before other files of its folder change.
            console: shows the progress; standard error by default.
        """
        record, remote = Record(local), self.files()
        ranks = {name: place for name in local_names(local) if (place := rank(name)) is not None}
        changed = {name for name in ranks if name not in remote or not record.same(name, remote[name].version)}
        touched = {_folder(name) for name in changed if not _finishes(name)}
        reopened = {name for name in ranks if _finishes(name) and _folder(name) in touched}
        for name in sorted(reopened & remote.keys()):
            self._remove(name)
        sizes = {name: (local / name).stat().st_size for name in changed | reopened}
        for place in sorted({ranks[name] for name in sizes}):
            of_rank = {name: size for name, size in sizes.items() if ranks[name] == place}
            self._move(of_rank, partial(self._send, record), console)

    def remove_folder(self, name: str) -> None:
        """Remove a folder in this one. Its `FINISHING` files go first, so that the rest never looks complete."""
        for file in FINISHING:
            self._remove(f"{name}/{file}")
        with suppress(FileNotFoundError):
            tried(lambda: self._fs.rm(f"{self._root}/{name}", recursive=True), self.url)

    def _remove(self, name: str) -> None:
        with suppress(FileNotFoundError):
            tried(lambda: self._fs.rm_file(f"{self._root}/{name}"), self.url)

    def _require_safe(self, name: str) -> None:
        """Raise `InputError` if a local file of this name would be outside the folder; fsspec does not check this."""
        drive = os.name == "nt" and (":" in name or "\\" in name)
        if drive or "\0" in name or any(part in ("", ".", "..") for part in name.split("/")):
            raise InputError(f"{self.url}: the file {name!r} cannot be mirrored; rename or remove it")

    def _move(
        self, sizes: Mapping[str, int], move: Callable[[Sequence[str], "_Moving"], None], console: Console | None
    ) -> None:
        """Fetch or send files in batches, with a progress bar; a batch is repeated after a temporary error."""
        names = sorted(sizes)
        with counting_bar(console=console) as bar:
            task = bar.add_task(f"{self.url} (MB)", total=sum(sizes.values()) / 1e6)
            for begin in range(0, len(names), _BATCH):
                batch = names[begin : begin + _BATCH]
                tried(lambda batch=batch: move(batch, _Moving(lambda more=1: bar.advance(task, more / 1e6))), self.url)
                bar.update(task, completed=sum(sizes[name] for name in names[: begin + _BATCH]) / 1e6)

    def _fetch(self, record: Record, remote: Mapping[str, RemoteFile], names: Sequence[str], moving: "_Moving") -> None:
        """Fetch files to a temporary folder, and move each to its place when it is complete.

        Files that were removed or changed their size in the meantime are left to the next listing.
        """
        with TemporaryDirectory(prefix=".", dir=record.mirror) as beside, suppress(FileNotFoundError):

            def arrived(path: str) -> None:
                name = Path(path).relative_to(beside).as_posix()
                if remote[name].size in (-1, os.path.getsize(path)):
                    place = record.mirror / name
                    place.parent.mkdir(parents=True, exist_ok=True)
                    os.replace(path, place)
                    record.note(name, remote[name].version, place.stat())

            moving.arrived = arrived
            lacking = [name for name in names if not record.same(name, remote[name].version)]
            there, here = ([f"{folder}/{name}" for name in lacking] for folder in (self._root, beside))
            for folder in set(map(_folder, here)):
                os.makedirs(folder, exist_ok=True)
            self._fs.get(there, here, callback=moving, **self._at_once)

    def _send(self, record: Record, names: Sequence[str], moving: "_Moving") -> None:
        """Send files and record them. If the store's writes are not atomic, send to temporary names, then rename."""
        before = {name: (record.mirror / name).stat() for name in names}  # to detect writes during the transfer
        here, places = ([f"{folder}/{name}" for name in names] for folder in (record.mirror, self._root))
        try:
            if self._put_is_atomic:
                self._fs.put(here, places, callback=moving, **self._at_once)
            else:
                beside = [f"{_folder(place)}/.{place.rpartition('/')[2]}.part" for place in places]
                for folder in sorted(set(map(_folder, places))):
                    self._fs.makedirs(folder, exist_ok=True)
                self._fs.put(here, beside, callback=moving, **self._at_once)
                for part, place in zip(beside, places, strict=True):
                    self._fs.mv(part, place)
        except FileNotFoundError as error:
            raise InputError(f"{self.url}: cannot be written ({error}); create the bucket or folder first") from error
        # From a listing, because drivers report other versions for a single file.
        for name, file in self.files().items():
            if name in before and file.size in (-1, before[name].st_size):
                record.note(name, file.version, before[name])


class _Moving(Callback):
    """Callback of fsspec transfers: reports the bytes that have arrived, and each complete file."""

    def __init__(self, advance: Callable[[int], None]) -> None:
        super().__init__()
        self._advance = advance
        self.arrived: Callable[[str], None] = lambda path: None

    @contextmanager
    def branched(self, path_1: str, path_2: str, **_: object) -> Iterator[Callback]:  # pyright: ignore
        """Return the callback of one file."""
        one = Callback()
        one.relative_update = self._advance  # pyright: ignore[reportAttributeAccessIssue]
        try:
            yield one
        except OSError as error:
            if error.errno and not error.filename:  # such as a full disk
                error.filename = path_2
            raise
        self.arrived(path_2)


def _folder(name: str) -> str:
    """Return the folder of a file; empty for the root folder."""
    return name.rpartition("/")[0]


def _finishes(name: str) -> bool:
    return name.rpartition("/")[2] in FINISHING


def _described(info: Mapping[str, object]) -> RemoteFile:
    size = info.get("size")
    version = next((f"{key} {info[key]}" for key in _VERSIONS if info.get(key)), "")
    return RemoteFile(size if isinstance(size, int) else -1, f"{version} {info.get('ino', '')} {size}")
