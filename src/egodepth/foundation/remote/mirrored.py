"""The local side of a mirror: its files, and a record of the versions at which both sides were the same."""

import json
import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from egodepth.foundation.errors import InputError
from egodepth.foundation.files import write_text


class Record:
    """Record of the versions at which the local and the remote file were last equal.

    It is a file of JSON lines in the mirror's parent folder; later lines replace earlier ones. Each file is recorded as
    soon as it is transferred, so that an interrupted transfer can be resumed.
    """

    def __init__(self, mirror: Path) -> None:
        """Read the record of a mirror; an incomplete line of a killed process is ignored."""
        self.mirror = mirror
        self.file = mirror.with_name(f".{mirror.name}.synced.jsonl")
        self.complete = False
        """Whether the mirror equals a state that the remote folder had."""
        self._known: dict[str, dict[str, object]] = {}
        with suppress(OSError):
            for line in self.file.read_text(encoding="utf-8", errors="replace").splitlines():
                with suppress(ValueError, TypeError, AttributeError):
                    words = json.loads(line)
                    self.complete = words.get("complete", self.complete)
                    self._known[words.get("name")] = words

    def version(self, name: str) -> object:
        """Return the remote version that equalled the local file; None for a file without a record."""
        return self._known.get(name, {}).get("version")

    def same(self, name: str, version: str) -> bool:
        """Whether the local file equals this remote version, by its size and modification time."""
        try:
            return self._known.get(name) == _words(name, version, (self.mirror / name).stat())
        except OSError:
            return False

    def note(self, name: str, version: str, found: os.stat_result) -> None:
        """Record that both sides have the same file; `found` is the status of the local file."""
        self._known[name] = _words(name, version, found)
        self._append(self._known[name])

    def mark(self, complete: bool) -> None:
        """Record whether the mirror is complete; an incomplete one is never used without the store."""
        self.complete = complete
        if not complete:
            self._append({"complete": False})
            return
        # A long run replaces its files again and again: only what exists stays in the record.
        self._known = {name: words for name, words in self._known.items() if name and (self.mirror / name).is_file()}
        lines = [*self._known.values(), {"complete": True}]
        write_text(self.file, "".join(f"{json.dumps(words)}\n" for words in lines))

    def _append(self, words: dict[str, object]) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("a", encoding="utf-8") as file:
            file.write(f"\n{json.dumps(words)}\n")  # the previous line may be incomplete


def _words(name: str, version: str, found: os.stat_result) -> dict[str, object]:
    return {"name": name, "version": version, "size": found.st_size, "modified": found.st_mtime_ns}


def is_hidden(name: str) -> bool:
    """Whether a file is hidden: temporary files, locks, version control. `..` is not hidden, but refused elsewhere."""
    return any(part.startswith(".") and part not in (".", "..") for part in name.split("/"))


def local_names(folder: Path, hidden: bool = False) -> list[str]:
    """Return the sorted names of all files below a local folder; hidden ones only if `hidden`."""
    paths = (Path(at) / name for at, _, names in os.walk(folder) for name in names)
    found = sorted(path.relative_to(folder).as_posix() for path in paths)
    return [name for name in found if hidden or not is_hidden(name)]


def remove_files(local: Path, names: Iterable[str]) -> None:
    """Remove local files, and folders that become empty, because an empty folder may look like a checkpoint."""
    for name in names:
        (local / name).unlink(missing_ok=True)
        with suppress(OSError):  # a folder that is not empty
            for folder in list(Path(name).parents)[:-1]:
                (local / folder).rmdir()


def require_room(local: Path, needed: int) -> None:
    """Create the folder, and raise `InputError` if the disk has less free space than needed (bytes)."""
    local.mkdir(parents=True, exist_ok=True)
    if needed > (free := shutil.disk_usage(local).free):
        raise InputError(
            f"{local}: {needed / 1e9:.1f} GB to fetch, but only {free / 1e9:.1f} GB are free; free some space, or set "
            "EGODEPTH_CACHE to another cache folder"
        )
