"""Progress and warnings while a command works: a bar, or occasional lines without a terminal."""

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
"""Seconds between two progress lines without a terminal."""
SHORT_S = 5.0
"""Shorter stages print nothing without a terminal."""


def warn(line: str) -> None:
    """Print a warning to standard error."""
    Console(stderr=True).print(line, style="yellow", highlight=False, soft_wrap=True, markup=False)


def counting_bar(*more: ProgressColumn, console: Console | None = None) -> Progress:
    """Return a progress bar with count, elapsed time and remaining time.

    It disappears at its end, and never appears if the console is no terminal.

    Args:
        more: further columns after the count.
        console: standard error by default.
    """
    console = console or Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), *more, TimeElapsedColumn()
    return Progress(*columns, TimeRemainingColumn(), console=console, transient=True, disable=not console.is_terminal)


@contextmanager
def advancing_bar(title: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Show `counting_bar` on standard error; yield a function that adds to the number of finished items."""
    with counting_bar() as progress:
        task = progress.add_task(f"    {title}", total=total)
        yield lambda count: progress.advance(task, count)


class Counter(Protocol):
    """The progress of a stage."""

    def advance(self, count: int) -> None:
        """Add to the number of finished items; any thread may call it."""

    def look(self) -> None:
        """Print the progress if it is time; the waiting thread calls it often."""


@contextmanager
def counting(
    label: str, total: int | None, console: Console | None = None, clock: Callable[[], float] = time.monotonic
) -> Iterator[Counter]:
    """Show a stage: a bar on a terminal, else a line every `EVERY_S` seconds and one at the end.

    Args:
        label: description of the work, such as "Matching frames".
        total: number of items; None if unknown.
        console: standard error by default.
        clock: returns seconds.
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
    """A bar on a terminal, which updates itself."""

    def __init__(self, progress: Progress, label: str, total: int | None) -> None:
        self._progress, self._task = progress, progress.add_task(label, total=total)

    def advance(self, count: int) -> None:
        self._progress.advance(self._task, count)

    def look(self) -> None:
        pass


class _Lines:
    """Plain lines for a log."""

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
    """Return a duration in its two largest units: 40 s, 3 min, 2 h 5 min."""
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
