"""Long calls into a library, each with a bar of its own: they run beside, and Ctrl-C ends them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

from egodepth.progress import counting_bar

T = TypeVar("T")


class Stages:
    """Bars on standard error, if that is a terminal, which vanish when their stage is over."""

    def run(self, label: str, total: int, work: Callable[[Callable[[int], None]], T], cancel: Callable[[], None]) -> T:
        """What `work` returns, which runs in a thread and tells the function it is given how much more is done.

        An exception here, Ctrl-C among them, calls `cancel`, which has to make `work` end, and waits for that.
        """
        with counting_bar() as progress, ThreadPoolExecutor(1) as pool:
            bar = progress.add_task(label, total=total)
            future = pool.submit(work, lambda count: progress.advance(bar, count))
            try:
                while not wait([future], timeout=0.25).done:
                    pass
            except BaseException:
                cancel()
                raise
            return future.result()

    def wait(self, label: str, work: Callable[[], T]) -> T:
        """What `work` returns, which cannot say how far it is, nor be cancelled."""
        return self.run(label, 1, lambda told: work(), lambda: None)

    def each(self, label: str, total: int, work: Callable[[Callable[[int], None]], T]) -> T:
        """What `work` returns, which runs here and tells the function it is given how much more is done."""
        with counting_bar() as progress:
            bar = progress.add_task(label, total=total)
            return work(lambda count: progress.advance(bar, count))
