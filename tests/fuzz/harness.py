"""One parser under many damaged files: what it may do, and everything else as a failure that is kept.

It may return something sane, or raise `InputError` with one printable line, within `LIMIT_S` and writing no file
but its own. Whatever else happens is a crash, a hang, or an escape.
"""

import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from egodepth.foundation.errors import InputError
from fuzz.mutations import damaged

LIMIT_S = 2.0
"""Of the processor's time: that of the clock depends on what else the machine does."""
TRIES = 3
"""What is too slow once may have had to wait for something else: only what is so every time is a hang."""
_PATIENCE = 5
"""So many times the limit by the clock are a hang, too: then something waits."""
_LONGEST_LINE = 4000


class Parser(NamedTuple):
    """A reader of strangers' files, in a folder of its own."""

    name: str
    prepare: Callable[[Path], Mapping[str, Sequence[bytes]]]
    """Writes a valid folder; returns valid contents of the files that are to be damaged, by their path within it."""
    read: Callable[[Path], object]
    """Reads the folder; an `AssertionError` says that something insane was taken."""
    share: float = 1.0
    """Of the inputs that the others get: less where one takes long."""


@dataclass
class Tally:
    """What became of the inputs."""

    inputs: int = 0
    accepted: int = 0
    refused: int = 0
    crashes: int = 0
    hangs: int = 0
    escapes: int = 0
    """Files written elsewhere, processes started, connections made."""
    slowest_ms: float = 0.0
    failures: list[str] = field(default_factory=list)
    """A line each."""

    @property
    def failed(self) -> int:
        """Of all kinds."""
        return self.crashes + self.hangs + self.escapes

    def add(self, kind: str, seconds: float) -> None:
        """Count one outcome."""
        self.inputs += 1
        setattr(self, kind, getattr(self, kind) + 1)
        self.slowest_ms = max(self.slowest_ms, 1000 * seconds)


class Outcome(NamedTuple):
    kind: str
    """A counter of `Tally`."""
    seconds: float
    detail: str = ""


class _Hang(BaseException):
    """Not an `Exception`: parsers that catch these must not catch it."""


class Watch:
    """Sees, by Python's audit events, what is written outside of a folder, and what is started."""

    _STARTS = (
        "os.system",
        "subprocess.Popen",
        "os.exec",
        "os.posix_spawn",
        "os.fork",
        "socket.connect",
        "ctypes.dlopen",
    )
    _CHANGES = (
        "os.mkdir",
        "os.rename",
        "os.remove",
        "os.rmdir",
        "os.link",
        "os.symlink",
        "os.truncate",
        "shutil.rmtree",
    )

    def __init__(self) -> None:
        self.inside: str | None = None
        self.seen: list[str] = []
        sys.addaudithook(self._hook)

    @contextmanager
    def __call__(self, folder: Path) -> Iterator[list[str]]:
        self.inside, self.seen = os.path.realpath(folder), []
        try:
            yield self.seen
        finally:
            self.inside = None

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.inside is None:
            return
        if event == "open":
            path, mode, flags = arguments
            writes = bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)) or any(c in (mode or "") for c in "wax+")
            if writes and isinstance(path, str | bytes | os.PathLike):
                self._note(event, os.fsdecode(path))
        elif event in self._CHANGES:
            for path in arguments[: 2 if event in ("os.rename", "os.link", "os.symlink") else 1]:
                if isinstance(path, str | bytes | os.PathLike):
                    self._note(event, os.fsdecode(path))
        elif event in self._STARTS:
            self.seen.append(f"{event} {arguments[:2]!r}"[:200])

    def _note(self, event: str, path: str) -> None:
        assert self.inside is not None
        real = os.path.realpath(path)
        if not real.startswith(self.inside + os.sep) and real != os.devnull and "__pycache__" not in real:
            self.seen.append(f"{event} {path}")


WATCH = Watch()


def attempt(read: Callable[[Path], object], folder: Path, limit_s: float = LIMIT_S) -> Outcome:
    """Read a folder once, or again where it took too long."""
    outcome = _attempt_once(read, folder, limit_s)
    for _ in range(TRIES - 1):
        if outcome.kind == "hangs":
            outcome = _attempt_once(read, folder, limit_s)
    return outcome


def _attempt_once(read: Callable[[Path], object], folder: Path, limit_s: float) -> Outcome:
    at_work = True

    def ring(*_: object) -> None:
        if not at_work:
            return
        if time.process_time() - worked > limit_s or time.perf_counter() - began > _PATIENCE * limit_s:
            raise _Hang

    before = signal.signal(signal.SIGALRM, ring)
    kind, detail = "accepted", ""
    began, worked = time.perf_counter(), time.process_time()
    with WATCH(folder) as seen:
        try:
            signal.setitimer(signal.ITIMER_REAL, limit_s, limit_s / 2)
            read(folder)
            at_work = False
        except InputError as error:
            kind, detail = "refused", _wrong_line(str(error))
        except _Hang:
            kind = "hangs"
        except BaseException:
            kind, detail = "crashes", traceback.format_exc(limit=-12)
        finally:
            at_work = False
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
    seconds = time.process_time() - worked
    if seen:
        return Outcome("escapes", seconds, "; ".join(seen))
    if seconds > limit_s or kind == "hangs":
        return Outcome("hangs", seconds, f"{seconds:.1f} s of work in {time.perf_counter() - began:.1f} s")
    if kind == "refused" and detail:
        return Outcome("crashes", seconds, detail)
    return Outcome(kind, seconds, detail)


def _wrong_line(message: str) -> str:
    """What is wrong with a message; empty if nothing."""
    if not message.strip():
        return "an InputError without a message"
    if len(message) > _LONGEST_LINE:
        return f"an InputError of {len(message)} characters: {message[:200]}"
    return "" if message.isprintable() else f"an InputError that is not one printable line: {message!r}"


def inputs_of(parser: str, contents: Mapping[str, Sequence[bytes]], seed: int, number: int) -> tuple[str, bytes]:
    """The file to damage, and its new content: the same for the same arguments on every machine."""
    source = random.Random(f"{seed} {parser} {number}")
    name = source.choice(sorted(contents))
    return name, damaged(source, contents[name])


def run(
    parser: Parser,
    folder: Path,
    numbers: Iterable[int],
    seed: int,
    kept: Path,
    told: Callable[[int, Tally], None] = lambda number, tally: None,
) -> Tally:
    """Feed a parser the inputs of these numbers.

    Args:
        parser: what reads.
        folder: empty; the parser's own.
        numbers: of the inputs.
        seed: of the campaign.
        kept: where inputs that failed are written, with what happened beside them.
        told: called before each input.
    """
    contents = parser.prepare(folder)
    valid = attempt(parser.read, folder, 60)
    assert valid.kind == "accepted", f"{parser.name} does not take its own valid files: {valid}"
    tally = Tally()
    for number in numbers:
        told(number, tally)
        name, content = inputs_of(parser.name, contents, seed, number)
        (folder / name).write_bytes(content)
        outcome = attempt(parser.read, folder)
        tally.add(outcome.kind, outcome.seconds)
        if outcome.kind in ("crashes", "hangs", "escapes"):
            keep(kept, parser.name, number, name, content, outcome, tally)
        (folder / name).write_bytes(contents[name][0])
    return tally


def keep(kept: Path, parser: str, number: int, name: str, content: bytes, outcome: Outcome, tally: Tally) -> None:
    """Write an input that failed, and what happened."""
    place = kept / parser.replace(" ", "_").replace("/", "_")
    place.mkdir(parents=True, exist_ok=True)
    (place / f"{number}_{Path(name).name}").write_bytes(content)
    (place / f"{number}.txt").write_text(f"{outcome.kind} {name}\n{outcome.detail}\n", errors="backslashreplace")
    last = outcome.detail.strip().splitlines()[-1:] or [""]
    tally.failures.append(f"{parser} {number} ({name}): {outcome.kind}: {last[0][:300]}")
