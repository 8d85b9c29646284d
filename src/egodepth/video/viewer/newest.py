"""Serve only the newest request: a slider that is dragged asks more often than can be answered."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")
LONGEST_S = 3.0
"""Without a pause, a value counts as settled after this time."""


class Newest(Generic[T]):
    """Passes values to a function one at a time. Of values that arrive meanwhile, only the last is kept.

    A value is served twice: at once what is quick, and what takes longer when it has settled.
    """

    def __init__(
        self, serve: Callable[[T], None], settle: Callable[[T], None], prepare: Callable[[T], None] | None = None
    ) -> None:
        """Take the two functions, and what to do after the last value, such as loading its neighbours."""
        self.pause_s = 0.0
        """Pause after which a value counts as settled, if no newer one has come."""
        self._serve, self._settle, self._prepare = serve, settle, prepare
        self._changed = threading.Condition()
        self._waiting: list[T] = []
        self._busy = False

    def ask(self, value: T) -> None:
        """Serve a value, in this thread unless another is busy with it; any thread may call this."""
        with self._changed:
            self._waiting = [value]
            self._changed.notify()
            if self._busy:
                return
            self._busy = True
        value = self._work(value)
        if self._prepare is not None:
            self._prepare(value)

    def _work(self, value: T) -> T:
        """Serve what waits until nothing does; return the last value. An error is raised when nothing waits."""
        settled, failure = time.monotonic(), None
        while True:
            with self._changed:
                if not self._waiting:
                    self._busy = False
                    break
                value = self._waiting.pop()
            try:
                self._serve(value)
                with self._changed:
                    newer = self._changed.wait_for(lambda: bool(self._waiting), self.pause_s)
                if not newer or time.monotonic() - settled > LONGEST_S:
                    self._settle(value)
                    settled = time.monotonic()
            except Exception as error:
                failure = error
        if failure is not None:
            raise failure
        return value
