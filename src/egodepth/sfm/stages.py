"""Run long calls into a library in a thread, with a progress bar each; Ctrl-C ends them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

from egodepth.foundation.progress import counting

T = TypeVar("T")


class Stages:
    """Progress of each stage on standard error: a bar that disappears, or occasional lines."""

    def run(
        self, label: str, total: int | None, work: Callable[[Callable[[int], None]], T], cancel: Callable[[], None]
    ) -> T:
        """Run `work` in a thread and return its result. It gets a callback for the number of newly finished items.

        An exception here, including Ctrl-C, calls `cancel`, which must make `work` end, and waits for that.
        """
        with counting(label, total) as counter, ThreadPoolExecutor(1) as pool:
            future = pool.submit(work, counter.advance)
            try:
                while not wait([future], timeout=0.25).done:
                    counter.look()
            except BaseException:
                cancel()
                raise
            return future.result()

    def wait(self, label: str, work: Callable[[], T]) -> T:
        """Run `work` and return its result. It reports no progress and cannot be cancelled."""
        return self.run(label, None, lambda advance: work(), lambda: None)

    def each(self, label: str, total: int, work: Callable[[Callable[[int], None]], T]) -> T:
        """Run `work` in this thread and return its result. It gets a callback for newly finished items."""
        with counting(label, total) as counter:

            def advance(count: int) -> None:
                counter.advance(count)
                counter.look()

            return work(advance)
