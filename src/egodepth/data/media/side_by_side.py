"""Process many frames in threads, and print which frames are unreadable."""

import os
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
_NAMED = 10
"""Number of bad frames to name; the others are counted."""


def for_each(items: Iterable[T], work: Callable[[T], None], workers: int, done: Callable[[], None]) -> None:
    """Process the items in threads, a few items ahead, so the memory does not grow with their number.

    After a failure or an interruption, the current items are finished. `workers` 0 means one thread per processor.
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
    """Print a line for each of the first names, and the number of the others."""
    for name in names[:_NAMED]:
        print(f"cannot be read: {name}")
    if len(names) > _NAMED:
        print(f"... and {len(names) - _NAMED} more")
