"""Training in a run folder with a URL: worked on in a mirror, sent there after every checkpoint."""

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from egodepth.foundation.errors import InputError
from egodepth.foundation.remote.address import is_remote
from egodepth.foundation.remote.folder import RemoteFile, RemoteFolder
from egodepth.foundation.remote.mirror import locked, place_of
from egodepth.foundation.remote.mirrored import Record, local_names

_CONFIG = "config.json"
_NOT_FETCHED = ("events.out.tfevents.", "panels/", "report/")
"""What going on does not need; it stays where it is, and new ones join it."""


class LocalRun:
    """A run folder to work in; a plain path is its own, and `saved` does nothing."""

    def __init__(self, folder: Path, remote: RemoteFolder | None = None, console: Console | None = None) -> None:
        """Of a folder, and the one it is sent to, if any."""
        self.folder = folder
        self._remote, self._console, self._sent = remote, console, False

    def saved(self) -> None:
        """Send what is new; to be called when the folder is as a training can go on from.

        Raises:
            InputError: it cannot be sent; only as long as nothing was, as later on the next call makes up for it, and
                a network that fails, or access that has run out, need not end a training.
        """
        try:
            self.send()
        except InputError as error:
            if not self._sent or self._console is None:
                raise
            self._console.print(f"not sent, tried again at the next: {error}", highlight=False, soft_wrap=True)

    def send(self) -> None:
        """Send what is new, then remove the checkpoints there that are no longer kept here.

        Newer ones than the newest here are left alone: another machine may have got further.
        """
        if self._remote is None:
            return
        self._remote.push(self.folder, _rank, self._console)
        self._sent = True
        here = set(map(_checkpoint, local_names(self.folder)))
        there = set(map(_checkpoint, self._remote.files())) - here
        for old in sorted(step for step in there if step and step < max(here, default="")):
            self._remote.remove_folder(f"checkpoints/{old}")


@contextmanager
def local_run(run: str | Path, console: Console | None = None, sending: bool = True) -> Iterator[LocalRun]:
    """The folder of a run to train in: the path itself, or the mirror of a URL with what a training goes on from.

    The side with the newer checkpoint counts, whole, so that model, log and checkpoint belong together. What is new is
    sent at the end, too, but not after an exception: the checkpoints of before are good.

    Args:
        run: a path or a URL.
        console: where to say things; standard error by default.
        sending: without it nothing is ever sent; for all processes but one of a training.

    Raises:
        InputError: as from `RemoteFolder`; at the end, what could not be sent is still in the mirror.
    """
    if not is_remote(run):
        yield LocalRun(Path(run))
        return
    console = console or Console(stderr=True)
    remote = RemoteFolder(run)
    folder = place_of(remote.url, "run")
    with locked(folder):
        _bring(remote, folder, console)
    local = LocalRun(folder, remote if sending else None, console)
    yield local
    try:
        local.send()
    except InputError as error:
        raise InputError(f"{error}; the run is whole in {folder}, and the same command sends it") from error


def _bring(remote: RemoteFolder, folder: Path, console: Console) -> None:
    """Make the mirror the state to go on from."""
    files = remote.files()
    synced, there = Record(folder).version(_CONFIG), files.get(_CONFIG)
    if there is None:
        if files:
            raise InputError(f"{remote.url}: not empty and not a run of egodepth; choose another --run")
        if synced:
            aside = folder.with_name(f"{folder.name}.aside")
            shutil.rmtree(aside, ignore_errors=True)
            os.replace(folder, aside)
            Record(folder).file.unlink()
            console.print(
                f"{remote.url}: no longer there; what was here is in {aside}", highlight=False, soft_wrap=True
            )
        return
    here = max(map(_checkpoint, local_names(folder)), default="")
    # Only where the last to write there was this mirror: otherwise it may be another run by now.
    if there.version == synced and here > max(_finished(files), default=""):
        console.print(f"{remote.url}: going on from {folder}, which is ahead of it", highlight=False, soft_wrap=True)
        return
    console.print(f"{remote.url}: a run, worked on in {folder}", highlight=False, soft_wrap=True)
    remote.pull(folder, _wanted, console)


def _wanted(files: Mapping[str, RemoteFile]) -> set[str]:
    """What a training goes on from; of checkpoints, the finished ones."""
    finished = _finished(files)
    return {
        name
        for name in files
        if not name.startswith(_NOT_FETCHED)
        and (not name.startswith("checkpoints/") or (_checkpoint(name) in finished and name.count("/") == 2))
    }


def _finished(names: Iterable[str]) -> set[str]:
    names = set(names)
    found = {_checkpoint(name) for name in names if name.endswith("/checkpoint.json")} - {""}
    return {step for step in found if f"checkpoints/{step}/state.safetensors" in names}


def _checkpoint(name: str) -> str:
    """The checkpoint that a file belongs to, such as `step_00000100`; empty for other files."""
    parts = name.split("/")
    return parts[1] if len(parts) > 2 and parts[0] == "checkpoints" and parts[1].startswith("step_") else ""


def _rank(name: str) -> int | None:
    """The order of sending: a checkpoint comes when the model and log that belong to it are there.

    Of checkpoints, not the models in them, which are those of the run, nor what has been set aside as damaged.
    """
    if name == _CONFIG:
        return 0
    if name.startswith("checkpoints/"):
        return 3 + name.endswith("checkpoint.json") if _checkpoint(name) and name.count("/") == 2 else None
    return 2 if name.endswith("model.safetensors") else 1
