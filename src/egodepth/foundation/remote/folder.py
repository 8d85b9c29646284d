"""A folder with a URL: fsspec fetches its files into a local one or sends a local one's, as far as they differ."""

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
"""Files that say that the others of their folder are whole: never there beside a file that is about to change."""
_AT_ONCE, _BATCH, _ROUNDS = 16, 256, 5
"""Transfers at once, where the driver can; files that are sent before they are noted; listings of a folder that changes
while it is fetched."""
_PUT_IS_ATOMIC = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oss", "hf"}
_VERSIONS = ("ETag", "etag", "md5Hash", "generation", "blob_id", "mtime", "LastModified", "last_modified", "created")
"""What drivers call that which changes with a file; the first that is there counts. `fsspec.ukey` takes the time of the
last reading for a change, and asks for each file by itself."""
Select = Callable[[Mapping[str, "RemoteFile"]], set[str]]


class RemoteFile(NamedTuple):
    """What a driver tells of a file."""

    size: int
    """In bytes; -1 where the store does not say."""
    version: str
    """Changes when the file does."""


class RemoteFolder:
    """Names are relative to the folder, with slashes; those that begin with a dot, or lie below one, do not count.

    Every method raises `InputError`: no access, no network, no room, or something the driver cannot do.
    """

    def __init__(self, url: str | Path) -> None:
        """Find the driver; nothing is asked of the store yet."""
        self.url = address(url)
        # Typed by the drivers, each in its own way.
        self._fs: Any
        self._fs, self._root = connect(self.url)
        self._at_once = {"batch_size": _AT_ONCE} if self._fs.async_impl else {}
        protocol = self._fs.protocol
        self._put_is_atomic = not _PUT_IS_ATOMIC.isdisjoint([protocol] if isinstance(protocol, str) else protocol)

    def files(self) -> dict[str, RemoteFile]:
        """Return all files by name, as they are now; none where there is no such folder.

        A file in the folder's place, and a name that leads out of the folder, are refused.
        """
        self._fs.invalidate_cache()
        try:
            found = tried(lambda: self._fs.find(self._root, detail=True), self.url)
        except FileNotFoundError:
            return {}
        files: dict[str, RemoteFile] = {}
        for path, info in sorted(found.items()):
            if str(path).rstrip("/") == self._root and info["type"] == "file":
                raise InputError(f"{self.url}: is a file; give the folder that it is in")
            name = str(path).removeprefix(self._root).removeprefix("/")
            if info.get("islink") and self._fs.isdir(path):
                raise InputError(f"{self.url}: {name} is a link to a folder, which is not followed; give real ones")
            # Object stores keep empty folders as files with a slash.
            if (info["type"] == "file" or info.get("islink")) and not name.endswith("/") and not is_hidden(name):
                self._require_safe(name)
                files[name] = _described(info)
        return files

    def pull(self, local: Path, wanted: Select = set, console: Console | None = None) -> None:
        """Make a local folder what this one is: fetch what differs, remove what is not here, say how much that is.

        Files are whole or not there at all; stopped, it goes on where it stood. The result is a state that the folder
        had at one time, as it is listed again after the last file: one that keeps changing is refused.

        Args:
            local: the folder, with its record beside it; need not exist.
            wanted: which of the files; all by default.
            console: where to say things; standard error by default.
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
        raise InputError(f"{self.url}: changes while it is fetched; try again when nothing is written there")

    def push(
        self, local: Path, rank: Callable[[str], int | None] = lambda _: 0, console: Console | None = None
    ) -> None:
        """Send the files of a local folder that are new or have changed; none is removed here.

        Args:
            local: the folder, with its record beside it.
            rank: of a file's name, None for those that stay here; all of a rank are there before the first of the next.
                A finishing file (see `FINISHING`) has to come last, and is taken away before others of its folder
                change.
            console: where the bar is; standard error by default.
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
        """Remove a folder in this one, first the files that finish it, so that what is left never looks whole."""
        for file in FINISHING:
            self._remove(f"{name}/{file}")
        with suppress(FileNotFoundError):
            tried(lambda: self._fs.rm(f"{self._root}/{name}", recursive=True), self.url)

    def _remove(self, name: str) -> None:
        with suppress(FileNotFoundError):
            tried(lambda: self._fs.rm_file(f"{self._root}/{name}"), self.url)

    def _require_safe(self, name: str) -> None:
        """Refuse a name by which a local file would lie outside the folder: fsspec takes it as it is."""
        drive = os.name == "nt" and (":" in name or "\\" in name)
        if drive or "\0" in name or any(part in ("", ".", "..") for part in name.split("/")):
            raise InputError(f"{self.url}: has a file called {name!r}, which cannot be mirrored; rename or remove it")

    def _move(
        self, sizes: Mapping[str, int], move: Callable[[Sequence[str], "_Moving"], None], console: Console | None
    ) -> None:
        """Fetch or send files, some at a time and those again after a fault; a bar shows how far it is."""
        names = sorted(sizes)
        with counting_bar(console=console) as bar:
            task = bar.add_task(f"{self.url} (MB)", total=sum(sizes.values()) / 1e6)
            for begin in range(0, len(names), _BATCH):
                batch = names[begin : begin + _BATCH]
                tried(lambda batch=batch: move(batch, _Moving(lambda more=1: bar.advance(task, more / 1e6))), self.url)
                bar.update(task, completed=sum(sizes[name] for name in names[: begin + _BATCH]) / 1e6)

    def _fetch(self, record: Record, remote: Mapping[str, RemoteFile], names: Sequence[str], moving: "_Moving") -> None:
        """Fetch files beside their places, and move each there when it has arrived.

        One that has gone, or is of another size by now, is left to the next listing.
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
        """Send files and note them; where a broken transfer would leave half of one, beside their places first."""
        before = {name: (record.mirror / name).stat() for name in names}  # what is written meanwhile is a change
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
            raise InputError(f"{self.url}: cannot be written to ({error}); make the bucket or folder first") from error
        # Drivers describe a file in one way in a listing and in another by itself.
        for name, file in self.files().items():
            if name in before and file.size in (-1, before[name].st_size):
                record.note(name, file.version, before[name])


class _Moving(Callback):
    """What fsspec tells of files on their way: that so many bytes more are there, and which file is."""

    def __init__(self, advance: Callable[[int], None]) -> None:
        super().__init__()
        self._advance = advance
        self.arrived: Callable[[str], None] = lambda path: None

    @contextmanager
    def branched(self, path_1: str, path_2: str, **_: object) -> Iterator[Callback]:  # pyright: ignore
        """Follow one file."""
        one = Callback()
        one.relative_update = self._advance  # pyright: ignore[reportAttributeAccessIssue]
        try:
            yield one
        except OSError as error:
            if error.errno and not error.filename:  # as a full disk
                error.filename = path_2
            raise
        self.arrived(path_2)


def _folder(name: str) -> str:
    """Return the folder that a file is in; empty for the topmost."""
    return name.rpartition("/")[0]


def _finishes(name: str) -> bool:
    return name.rpartition("/")[2] in FINISHING


def _described(info: Mapping[str, object]) -> RemoteFile:
    size = info.get("size")
    version = next((f"{key} {info[key]}" for key in _VERSIONS if info.get(key)), "")
    return RemoteFile(size if isinstance(size, int) else -1, f"{version} {info.get('ino', '')} {size}")
