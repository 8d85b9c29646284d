"""Asked to stop, a run ends after the step that it is at, with a checkpoint: nothing is lost and nothing is done twice.

SIGTERM comes from `kill`, containers and schedulers, SIGUSR1 from SLURM some time before the end (`--signal=USR1@60`),
SIGINT from the keyboard; a second one of the same ends the process at once, as without any of this.
"""

import signal
import threading
from types import FrameType, TracebackType

SIGNALS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)


class StopRequest:
    """Which signal has asked the run to stop; use as a context manager, within which signals only ask."""

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        self._before: dict[signal.Signals, object] = {}

    def __bool__(self) -> bool:
        return self.signal is not None

    def __enter__(self) -> "StopRequest":
        # Only the main thread may set handlers; a training in another one is stopped as its program likes.
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._ask) for number in SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()

    def _ask(self, number: int, _frame: FrameType | None) -> None:
        self.signal = signal.Signals(number)
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # pyright: ignore[reportArgumentType]
        self._before = {}
