"""Long calls into a library, each with a bar of its own: they run beside, and Ctrl-C ends them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

from egodepth.foundation.progress import counting

T = TypeVar("T")


class Stages:
    """How far each stage is, on standard error: a bar that vanishes, or a line now and then."""

    def run(
        self, label: str, total: int | None, work: Callable[[Callable[[int], None]], T], cancel: Callable[[], None]
    ) -> T:
        """What `work` returns, which runs in a thread and tells the function it is given how much more is done.

        An exception here, Ctrl-C among them, calls `cancel`, which has to make `work` end, and waits for that.
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
        """What `work` returns, which cannot say how far it is, nor be cancelled."""
        return self.run(label, None, lambda told: work(), lambda: None)

    def each(self, label: str, total: int, work: Callable[[Callable[[int], None]], T]) -> T:
        """What `work` returns, which runs here and tells the function it is given how much more is done."""
        with counting(label, total) as counter:

            def told(count: int) -> None:
                counter.advance(count)
                counter.look()

            return work(told)
