"""Run folders with a URL: a training works in a local mirror, which is sent after every checkpoint."""

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
"""Files that a resumed training does not need. They are not fetched, and new ones are added to them."""


class LocalRun:
    """A local run folder: a plain path, or the mirror of a URL. For a plain path, `saved` does nothing."""

    def __init__(self, folder: Path, remote: RemoteFolder | None = None, console: Console | None = None) -> None:
        """Store the local folder, and the remote folder to which it is sent, if there is one."""
        self.folder = folder
        self._remote, self._console, self._sent = remote, console, False

    def saved(self) -> None:
        """Send new files; to be called when a training can be resumed from the folder.

        After the first success, errors are only printed: the next call sends the files, and a failed network or expired
        access need not end a training.

        Raises:
            InputError: the first attempts failed.
        """
        try:
            self.send()
        except InputError as error:
            if not self._sent or self._console is None:
                raise
            self._console.print(f"not sent, next attempt at the next save: {error}", highlight=False, soft_wrap=True)

    def send(self) -> None:
        """Send new files, then remove remote checkpoints that are no longer kept here.

        Remote checkpoints that are newer than the newest local one are kept, because another machine may be ahead.
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
    """Yield the local folder of a run: the path itself, or the mirror of a URL from which a training can resume.

    All files are taken from the side with the newer checkpoint, so that model, log and checkpoint fit together. New
    files are also sent at the end, but not after an exception, because the earlier checkpoints are good.

    Args:
        run: a path or a URL.
        console: prints messages; standard error by default.
        sending: whether files are sent; False for all processes of a training but one.

    Raises:
        InputError: as in `RemoteFolder`; files that could not be sent at the end are still in the mirror.
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
        raise InputError(f"{error}; the run is complete in {folder}, and the same command sends it") from error


def _bring(remote: RemoteFolder, folder: Path, console: Console) -> None:
    """Update the mirror to the state from which to resume."""
    files = remote.files()
    synced, there = Record(folder).version(_CONFIG), files.get(_CONFIG)
    if there is None:
        if files:
            raise InputError(f"{remote.url}: is not empty and not a run of egodepth; choose another --run")
        if synced:
            aside = folder.with_name(f"{folder.name}.aside")
            shutil.rmtree(aside, ignore_errors=True)
            os.replace(folder, aside)
            Record(folder).file.unlink()
            console.print(
                f"{remote.url}: no longer exists; its local copy is now in {aside}", highlight=False, soft_wrap=True
            )
        return
    here = max(map(_checkpoint, local_names(folder)), default="")
    # Only if this mirror was the last to write there; otherwise it may be another run.
    if there.version == synced and here > max(_finished(files), default=""):
        console.print(f"{remote.url}: resuming from {folder}, which is newer", highlight=False, soft_wrap=True)
        return
    console.print(f"{remote.url}: is a run; its local copy is {folder}", highlight=False, soft_wrap=True)
    remote.pull(folder, _wanted, console)


def _wanted(files: Mapping[str, RemoteFile]) -> set[str]:
    """Return the files from which a training resumes; only complete checkpoints."""
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
    """Return the checkpoint that a file belongs to, such as `step_00000100`; empty for other files."""
    parts = name.split("/")
    return parts[1] if len(parts) > 2 and parts[0] == "checkpoints" and parts[1].startswith("step_") else ""


def _rank(name: str) -> int | None:
    """Return the rank of a file for sending: a checkpoint is sent after the model and the log that belong to it.

    Models inside checkpoints, which are those of the run, and damaged checkpoints are not sent.
    """
    if name == _CONFIG:
        return 0
    if name.startswith("checkpoints/"):
        return 3 + name.endswith("checkpoint.json") if _checkpoint(name) and name.count("/") == 2 else None
    return 2 if name.endswith("model.safetensors") else 1
