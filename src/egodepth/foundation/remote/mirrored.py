"""The local side of a mirror: its files, and a record of the versions at which both sides were the same."""

import json
import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from egodepth.foundation.errors import InputError


class Record:
    """What both sides had in common last: lines of JSON in a file beside the mirror, of which the last ones count.

    Each file is noted as soon as it is there, so that what was stopped goes on from there.
    """

    def __init__(self, mirror: Path) -> None:
        """Read what is known of a mirror; a line that a killed process left half-written does not count."""
        self.mirror = mirror
        self.file = mirror.with_name(f".{mirror.name}.synced.jsonl")
        self.complete = False
        """Whether the mirror is a state that the remote folder had."""
        self._known: dict[str, dict[str, object]] = {}
        with suppress(OSError):
            for line in self.file.read_text(encoding="utf-8", errors="replace").splitlines():
                with suppress(ValueError, TypeError, AttributeError):
                    words = json.loads(line)
                    self.complete = words.get("complete", self.complete)
                    self._known[words.get("name")] = words

    def version(self, name: str) -> object:
        """Return the remote version that the local file came from, or became; None for a file that never was there."""
        return self._known.get(name, {}).get("version")

    def same(self, name: str, version: str) -> bool:
        """Whether the local file is as it was when it was the same as this remote version."""
        try:
            return self._known.get(name) == _words(name, version, (self.mirror / name).stat())
        except OSError:
            return False

    def note(self, name: str, version: str, found: os.stat_result) -> None:
        """Write down that both sides have the same file; `found` is the local one."""
        self._known[name] = _words(name, version, found)
        self._append(self._known[name])

    def mark(self, complete: bool) -> None:
        """Write down whether the mirror is complete: until it is, it is not used without asking."""
        self.complete = complete
        self._append({"complete": complete})

    def _append(self, words: dict[str, object]) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("a", encoding="utf-8") as file:
            file.write(f"\n{json.dumps(words)}\n")  # the line before may have no end


def _words(name: str, version: str, found: os.stat_result) -> dict[str, object]:
    return {"name": name, "version": version, "size": found.st_size, "modified": found.st_mtime_ns}


def is_hidden(name: str) -> bool:
    """Files being written, locks, and what version control leaves; `..` is no hidden file, but refused."""
    return any(part.startswith(".") and part not in (".", "..") for part in name.split("/"))


def local_names(folder: Path, hidden: bool = False) -> list[str]:
    """Return the names of all files below a local folder, in order; the hidden ones only if asked for."""
    paths = (Path(at) / name for at, _, names in os.walk(folder) for name in names)
    found = sorted(path.relative_to(folder).as_posix() for path in paths)
    return [name for name in found if hidden or not is_hidden(name)]


def remove_files(local: Path, names: Iterable[str]) -> None:
    """Remove local files, and the folders that become empty: an empty one may look like a checkpoint."""
    for name in names:
        (local / name).unlink(missing_ok=True)
        with suppress(OSError):  # one that is not empty
            for folder in list(Path(name).parents)[:-1]:
                (local / folder).rmdir()


def require_room(local: Path, needed: int) -> None:
    """Make the folder, and see that so many bytes fit; `InputError` says how many lack."""
    local.mkdir(parents=True, exist_ok=True)
    if needed > (free := shutil.disk_usage(local).free):
        raise InputError(
            f"{local}: {needed / 1e9:.1f} GB to fetch, and {free / 1e9:.1f} GB are free; free some space, or name "
            "another cache folder in EGODEPTH_CACHE"
        )
