"""A folder with a URL: its files are fetched into a local one, or a local one's sent there, as far as they differ."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fsspec.callbacks import Callback
from rich.console import Console
from rich.progress import Progress, TaskID

from egodepth.foundation.errors import InputError
from egodepth.foundation.files import replacing
from egodepth.foundation.progress import counting_bar
from egodepth.foundation.remote.address import address, connect
from egodepth.foundation.remote.faults import tried
from egodepth.foundation.remote.fetched import Record
from egodepth.foundation.remote.local_files import local_names, remove_files, require_room
from egodepth.foundation.remote.names import FINISHING, finishes, is_hidden, parent_of, safe_name

_AT_ONCE = 16
"""Transfers, with drivers that can do several."""
_BATCH = 64
"""Files that are sent before the folder is listed again, and they are noted."""
_ROUNDS = 5
"""Listings of a folder that changes while it is fetched."""
_PUT_IS_ATOMIC = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oss", "hf"}
_VERSIONS = ("ETag", "etag", "md5Hash", "generation", "blob_id", "mtime", "LastModified", "last_modified", "created")
"""What drivers call that which changes with a file; the first of them that is there counts."""
MEGABYTE = 1e6
Select = Callable[[Mapping[str, "RemoteFile"]], set[str]]


@dataclass(frozen=True)
class RemoteFile:
    """What a driver tells of a file."""

    size: int
    """In bytes; -1 where the store does not say."""
    version: str
    """Changes when the file does."""


class RemoteFolder:
    """Names are relative to the folder, with slashes; those that begin with a dot, or lie below one, do not count."""

    def __init__(self, url: str | Path) -> None:
        """Find the driver; nothing is asked of the store yet. `InputError` as from `connect`."""
        self.url = address(url)
        # Typed by the drivers, each in its own way.
        self._fs: Any
        self._fs, self._root = connect(self.url)
        protocol = self._fs.protocol
        names = {protocol} if isinstance(protocol, str) else set(protocol)
        self._put_is_atomic = bool(names & _PUT_IS_ATOMIC)

    def files(self) -> dict[str, RemoteFile]:
        """All files by name, as they are now; empty where there is no such folder.

        Raises:
            InputError: no access, no network, a file in the folder's place, or a name that leads out of the folder.
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
            if info.get("islink"):
                if self._fs.isdir(path):
                    raise InputError(f"{self.url}: {name} is a link to a folder, which is not followed; give real ones")
            elif info["type"] != "file" or name.endswith("/"):  # object stores keep empty folders as such files
                continue
            if not is_hidden(name):
                files[safe_name(name, self.url)] = _described(info)
        return files

    def pull(self, local: Path, wanted: Select = set, console: Console | None = None) -> None:
        """Make a local folder what this one is: fetch what differs, remove what is not here.

        Files are whole or not there at all; stopped, it goes on where it stood. The result is a state that the folder
        had at one time, as it is listed again after the last file.

        Args:
            local: the folder, with its record beside it; need not exist.
            wanted: which of the files; all by default.
            console: where the bar is; standard error by default.

        Raises:
            InputError: no access, no network, no room, or files that keep changing.
        """
        record = Record(local)
        for _ in range(_ROUNDS):
            remote = self.files()
            names = wanted(remote)
            other = [name for name in local_names(local, hidden=True) if name not in names]
            lacking = sorted(name for name in names if not record.same(name, remote[name].version))
            if not other and not lacking:
                if not record.complete:
                    record.finish(names)
                return
            record.begin()
            remove_files(local, other)
            require_room(local, sum(max(remote[name].size, 0) for name in lacking))
            with self._progress("Fetching", {name: remote[name].size for name in lacking}, console) as bar:
                self._each(lacking, self._fetching(record, remote), bar)
        raise InputError(f"{self.url}: changes while it is fetched; try again when nothing is written there")

    def push(
        self, local: Path, rank: Callable[[str], int | None] = lambda _: 0, console: Console | None = None
    ) -> None:
        """Send the files of a local folder that are new or have changed; none is removed here.

        Args:
            local: the folder, with its record beside it.
            rank: of a file's name, None for those that stay here; all of a rank are there before the first of the next.
                A finishing file (see `names.FINISHING`) comes last of its rank, and is taken away before others of its
                folder change.
            console: where the bar is; standard error by default.

        Raises:
            InputError: no access or no network.
        """
        record, remote = Record(local), self.files()
        of_rank = {name: place for name in local_names(local) if (place := rank(name)) is not None}
        changed = {n for n in of_rank if n not in remote or not record.same(n, remote[n].version)}
        touched = {parent_of(name) for name in changed if not finishes(name)}
        reopened = {name for name in of_rank if finishes(name) and parent_of(name) in touched}
        for name in sorted(reopened & remote.keys()):
            self._remove(name)
        sizes = {name: (local / name).stat().st_size for name in changed | reopened}
        batches: dict[tuple[int, bool, int], list[str]] = {}
        for number, name in enumerate(sorted(sizes)):
            batches.setdefault((of_rank[name], finishes(name), number // _BATCH), []).append(name)
        with self._progress("Sending", sizes, console) as bar:
            for _, names in sorted(batches.items()):
                before = {name: (local / name).stat() for name in names}  # what is written meanwhile is a change
                self._each(names, lambda name, told: self._send(local / name, name, told), bar)
                # Drivers describe a file in one way in a listing and in another by itself.
                for name, file in self.files().items():
                    if name in before and file.size in (-1, before[name].st_size):
                        record.note(name, file.version, before[name])

    def remove_folder(self, name: str) -> None:
        """Remove a folder in this one, first the files that finish it, so that what is left never looks whole."""
        for file in FINISHING:
            self._remove(f"{name}/{file}")
        with suppress(FileNotFoundError):
            tried(lambda: self._fs.rm(self._path(name), recursive=True), self.url)

    def _remove(self, name: str) -> None:
        with suppress(FileNotFoundError):
            tried(lambda: self._fs.rm_file(self._path(name)), self.url)

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _fetching(self, record: Record, remote: Mapping[str, RemoteFile]) -> Callable[[str, Callback], None]:
        def fetch(name: str, told: Callback) -> None:
            """One file; one that has gone, or is of another size by now, is left to the next listing."""
            try:
                with replacing(record.mirror / name) as beside:
                    try:
                        tried(lambda: self._fs.get_file(self._path(name), str(beside), callback=told), self.url)
                    except FileNotFoundError as error:
                        raise _ChangedError from error
                    if remote[name].size not in (-1, beside.stat().st_size):
                        raise _ChangedError
            except _ChangedError:
                return
            record.note(name, remote[name].version, (record.mirror / name).stat())

        return fetch

    def _send(self, source: Path, name: str, told: Callback) -> None:
        """One file; where a broken transfer would leave half of it, beside its place first."""
        place = self._path(name)
        beside = place if self._put_is_atomic else f"{parent_of(place)}/.{source.name}.part"
        try:
            if not self._put_is_atomic:
                tried(lambda: self._fs.makedirs(parent_of(place), exist_ok=True), self.url)
            tried(lambda: self._fs.put_file(str(source), beside, callback=told), self.url)
            if not self._put_is_atomic:
                tried(lambda: self._fs.mv(beside, place), self.url)
        except FileNotFoundError as error:
            raise InputError(f"{self.url}: cannot be written to ({error}); make the bucket or folder first") from error

    @contextmanager
    def _progress(self, verb: str, sizes: Mapping[str, int], console: Console | None) -> Iterator["_Bar"]:
        with counting_bar(console=console) as bar:
            megabytes = {name: max(size, 0) / MEGABYTE for name, size in sizes.items()}
            yield _Bar(bar, bar.add_task(f"{verb} (MB)", total=sum(megabytes.values())), megabytes)

    def _each(self, names: Iterable[str], work: Callable[[str, Callback], None], bar: "_Bar") -> None:
        """Do the work for each name, several at once where the driver can; the first fault ends it."""

        def one(name: str) -> None:
            told = _Told(bar)
            work(name, told)
            bar.advance(bar.megabytes[name] - told.megabytes)  # not all drivers tell

        pool = ThreadPoolExecutor(_AT_ONCE if self._fs.async_impl else 1)
        try:
            for done in as_completed([pool.submit(one, name) for name in names]):
                done.result()
        finally:
            pool.shutdown(cancel_futures=True)


class _ChangedError(Exception):
    """The file is another one than was listed."""


@dataclass(frozen=True)
class _Bar:
    """The bar of files on their way."""

    shown: Progress
    task: TaskID
    megabytes: Mapping[str, float]
    """Of each file."""

    def advance(self, megabytes: float) -> None:
        self.shown.advance(self.task, megabytes)


class _Told(Callback):
    """Moves the bar while a file is on its way."""

    def __init__(self, bar: _Bar) -> None:
        super().__init__()
        self._bar, self.megabytes = bar, 0.0

    def relative_update(self, inc: int = 1) -> None:
        """So many bytes more."""
        self.megabytes += inc / MEGABYTE
        self._bar.advance(inc / MEGABYTE)


def _described(info: Mapping[str, object]) -> RemoteFile:
    size = info.get("size")
    version = next((f"{key} {info[key]}" for key in _VERSIONS if info.get(key)), "")
    return RemoteFile(size if isinstance(size, int) else -1, f"{version} {info.get('ino', '')} {size}")
