"""Work on many frames in threads, and what a command says of those that could not be read."""

import os
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
_NAMED = 10
"""Bad frames that are named; the others are counted."""


def for_each(items: Iterable[T], work: Callable[[T], None], workers: int, done: Callable[[], None]) -> None:
    """Do the work in threads, a few items ahead: memory does not grow with their number.

    What fails, or is stopped, ends it after the items in hand. `workers` 0: one a processor.
    """
    workers = workers or os.cpu_count() or 1
    waiting: deque[Future[None]] = deque()
    pool = ThreadPoolExecutor(workers)
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) >= 4 * workers:
                waiting.popleft().result()
                done()
        for future in waiting:
            future.result()
            done()
    finally:
        pool.shutdown(cancel_futures=True)


def print_unreadable(names: list[str]) -> None:
    """A line each of the first ones, and how many more there are."""
    for name in names[:_NAMED]:
        print(f"cannot be read: {name}")
    if len(names) > _NAMED:
        print(f"... and {len(names) - _NAMED} more")
