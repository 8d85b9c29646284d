"""What is said while a command works: how far it is, by a bar or a line now and then, and what to mind."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

EVERY_S = 20.0
"""How often a line says how far it is where there is no terminal."""
SHORT_S = 5.0
"""What ends sooner says nothing there."""


def warn(line: str) -> None:
    """Say on standard error what a user should mind."""
    Console(stderr=True).print(line, style="yellow", highlight=False, soft_wrap=True, markup=False)


def counting_bar(*more: ProgressColumn, console: Console | None = None) -> Progress:
    """How many are done of how many, since when, and how long the rest will take.

    Gone when it ends, and never there where the console is no terminal.

    Args:
        more: what else to show, after the count.
        console: standard error by default.
    """
    console = console or Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), *more, TimeElapsedColumn()
    return Progress(*columns, TimeRemainingColumn(), console=console, transient=True, disable=not console.is_terminal)


class Counter(Protocol):
    """How far a stage is."""

    def advance(self, count: int) -> None:
        """So many more are done; any thread may say so."""

    def look(self) -> None:
        """Say how far it is, if it is time for that; the thread that waits calls it, often."""


@contextmanager
def counting(
    label: str, total: int | None, console: Console | None = None, clock: Callable[[], float] = time.monotonic
) -> Iterator[Counter]:
    """A stage: a bar where the console is a terminal, else a line every `EVERY_S` seconds and one when it is over.

    Args:
        label: what is done, such as "Matching frames".
        total: how many there are; None where nobody can say how far it is.
        console: standard error by default.
        clock: seconds.
    """
    console = console or Console(stderr=True)
    if console.is_terminal:
        with counting_bar(console=console) as progress:
            yield _Bar(progress, label, total)
        return
    lines = _Lines(label, total, console, clock)
    yield lines
    lines.end()


class _Bar:
    """On a terminal: it moves by itself."""

    def __init__(self, progress: Progress, label: str, total: int | None) -> None:
        self._progress, self._task = progress, progress.add_task(label, total=total)

    def advance(self, count: int) -> None:
        self._progress.advance(self._task, count)

    def look(self) -> None:
        pass


class _Lines:
    """Plain lines, for a log."""

    def __init__(self, label: str, total: int | None, console: Console, clock: Callable[[], float]) -> None:
        self._label, self._total, self._console, self._clock = label, total, console, clock
        self._done = 0
        self._started = self._said = clock()

    def advance(self, count: int) -> None:
        self._done += count

    def look(self) -> None:
        if self._clock() - self._said >= EVERY_S:
            self._say(self._left())

    def end(self) -> None:
        if self._clock() - self._started >= SHORT_S:
            self._say(f"took {duration(self._clock() - self._started)}")

    def _left(self) -> str:
        spent = self._clock() - self._started
        if not self._total or not 0 < self._done < self._total:
            return f"for {duration(spent)}"
        return f"{duration(spent * (self._total - self._done) / self._done)} left"

    def _say(self, time_said: str) -> None:
        self._said = self._clock()
        count = f"{self._done} of {self._total}, " if self._total else ""
        self._console.print(f"{self._label}: {count}{time_said}", markup=False, highlight=False, soft_wrap=True)


def duration(seconds: float) -> str:
    """In words of the two largest units: 40 s, 3 min, 2 h 5 min."""
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
