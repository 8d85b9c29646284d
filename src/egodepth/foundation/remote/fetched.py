"""What a mirror and the folder it mirrors had in common last: a line a file, in a file beside the mirror."""

import json
import os
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from egodepth.foundation.files import write_text


@dataclass(frozen=True)
class Synced:
    """A file when both sides had the same."""

    version: str
    """Of the remote file."""
    size: int
    """Of the local file, in bytes."""
    modified: int
    """The local file's time of change in nanoseconds."""


class Record:
    """Of one mirror. Each file is noted as soon as it is there, so that what was stopped goes on from there."""

    def __init__(self, mirror: Path) -> None:
        """Read what is known of a mirror; a line that a killed process left half-written does not count."""
        self.mirror = mirror
        self._file = mirror.with_name(f".{mirror.name}.synced.jsonl")
        self._lock = threading.Lock()
        self.complete = False
        self._known: dict[str, Synced] = {}
        with suppress(OSError):
            for line in self._file.read_text(encoding="utf-8", errors="replace").splitlines():
                with suppress(ValueError, TypeError, KeyError):
                    words = json.loads(line)
                    if "complete" in words:
                        self.complete = bool(words["complete"])
                    else:
                        name = words.pop("name")
                        self._known[name] = Synced(**words)

    def version(self, name: str) -> str:
        """The remote version that the local file came from, or became; empty for none."""
        return self._known[name].version if name in self._known else ""

    def same(self, name: str, version: str) -> bool:
        """Whether the local file is as it was when it was the same as this remote version."""
        known = self._known.get(name)
        if known is None or known.version != version:
            return False
        try:
            found = (self.mirror / name).stat()
        except OSError:
            return False
        return (found.st_size, found.st_mtime_ns) == (known.size, known.modified)

    def note(self, name: str, version: str, found: os.stat_result) -> None:
        """Both sides have the same file now; `found` is the local one."""
        known = Synced(version, found.st_size, found.st_mtime_ns)
        with self._lock:
            self._known[name] = known
            self._append({"name": name, **known.__dict__})

    def begin(self) -> None:
        """The mirror is about to change: until it is complete, it is not to be used without asking."""
        self.complete = False
        self._append({"complete": False})

    def finish(self, names: set[str]) -> None:
        """The mirror is complete, with these files alone."""
        self.complete = True
        self._known = {name: known for name, known in self._known.items() if name in names}
        lines = [{"name": name, **known.__dict__} for name, known in sorted(self._known.items())]
        write_text(self._file, "".join(json.dumps(line) + "\n" for line in [*lines, {"complete": True}]))

    def _append(self, words: dict[str, object]) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("a", encoding="utf-8") as file:
            file.write("\n" * self._cut_off() + json.dumps(words) + "\n")

    def _cut_off(self) -> bool:
        """Whether the file ends within a line."""
        with suppress(OSError), self._file.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read() != b"\n"
        return False
