"""Serve only the newest request: a slider that is dragged asks more often than can be answered."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Newest(Generic[T]):
    """Passes values to a function one at a time. Of values that arrive meanwhile, only the last is kept."""

    def __init__(self, serve: Callable[[T], None], prepare: Callable[[T], None] | None = None) -> None:
        """Take the function, and what to do after the last value, such as loading its neighbours."""
        self._serve, self._prepare = serve, prepare
        self._lock = threading.Lock()
        self._waiting: list[T] = []
        self._busy = False

    def ask(self, value: T) -> None:
        """Serve a value, in this thread unless another is busy with it; any thread may call this."""
        with self._lock:
            self._waiting = [value]
            if self._busy:
                return
            self._busy = True
        while (latest := self._next()) is not None:
            try:
                self._serve(latest[0])
            except BaseException:
                with self._lock:
                    self._busy = False
                raise
            value = latest[0]
        if self._prepare is not None:
            self._prepare(value)

    def _next(self) -> list[T] | None:
        """Return what waits, as a list; None ends the work."""
        with self._lock:
            taken, self._waiting = self._waiting, []
            self._busy = bool(taken)
            return taken or None
