"""A bar of how far a stage is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from egodepth.foundation.progress import counting_bar


@contextmanager
def bar(title: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Show a bar with the time that is left on standard error; yields a function that moves it on by so many."""
    with counting_bar() as progress:
        task = progress.add_task(f"    {title}", total=total)
        yield lambda count: progress.advance(task, count)
