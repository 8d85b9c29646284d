"""The output of a run: a progress line, `log.jsonl`, and TensorBoard events."""

import json
import time
import warnings
from pathlib import Path
from types import TracebackType

import numpy as np
from jaxtyping import UInt8
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from egodepth.foundation.errors import InputError
from egodepth.foundation.files import write_text

_PLAIN_LINE_SECONDS = 15.0


class RunLog:
    """Writes figures and images of a run by step; use it as a context manager."""

    def __init__(self, folder: Path, start: int, steps: int, console: Console | None = None) -> None:
        """Open the log, and remove what an interrupted run wrote after its last checkpoint (`start`)."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # deprecations inside tensorboard
            from torch.utils.tensorboard import SummaryWriter
        self.console = console or Console(stderr=True)
        self._path = folder / "log.jsonl"
        self._keep_before(start)
        self._file = self._path.open("a")
        self._events = SummaryWriter(str(folder), purge_step=start)
        columns = (MofNCompleteColumn(), BarColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
        self._live = Progress(*columns, console=self.console, disable=not self.console.is_terminal)
        self._task = self._live.add_task("", total=steps, completed=start)
        self._steps, self._began, self._start, self._last_line = steps, time.monotonic(), start, float("-inf")

    def _keep_before(self, start: int) -> None:
        if not self._path.exists():
            return
        kept = []
        for line in self._path.read_text().splitlines():
            try:
                if json.loads(line)["step"] < start:
                    kept.append(line)
            except (ValueError, KeyError):
                continue  # an incomplete line of a run that was killed
        write_text(self._path, "".join(line + "\n" for line in kept))

    def __enter__(self) -> "RunLog":
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()
        self._file.close()
        self._events.close()

    def scalars(self, step: int, values: dict[str, float]) -> None:
        """Write figures of a step to `log.jsonl` and to TensorBoard."""
        try:
            self._file.write(json.dumps({"step": step, **values}) + "\n")
            self._file.flush()
        except OSError as error:
            raise InputError(f"{self._path}: cannot write the log ({error.strerror}); check the disk") from error
        for name, value in values.items():
            self._events.add_scalar(name, value, step)

    def picture(self, step: int, name: str, image: UInt8[np.ndarray, "h w 3"]) -> None:
        """Write an image to TensorBoard."""
        self._events.add_image(name, image, step, dataformats="HWC")

    def advance(self, done: int, line: str) -> None:
        """Move the progress line to `done` steps; without a terminal, print a line from time to time."""
        self._live.update(self._task, completed=done, description=line)
        now = time.monotonic()
        if not self.console.is_terminal and (now - self._last_line > _PLAIN_LINE_SECONDS or done == self._steps):
            self._last_line = now
            left = (now - self._began) / max(done - self._start, 1) * (self._steps - done)
            self.console.print(
                f"{done}/{self._steps}  {left / 60:.1f} min left  {line}", highlight=False, soft_wrap=True
            )

    def say(self, message: str) -> None:
        """Print a line above the progress line."""
        self.console.print(message, highlight=False, soft_wrap=True)


class RankLog(RunLog):
    """Log of the other processes: it writes no files, and prints lines with the number of the process."""

    def __init__(self, rank: int, console: Console) -> None:
        self._rank, self.console = rank, console

    def __enter__(self) -> "RankLog":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def scalars(self, step: int, values: dict[str, float]) -> None:
        """Do nothing: the first process writes the figures."""

    def picture(self, step: int, name: str, image: UInt8[np.ndarray, "h w 3"]) -> None:
        """Do nothing: the first process writes the images."""

    def advance(self, done: int, line: str) -> None:
        """Do nothing: the first process shows the progress."""

    def say(self, message: str) -> None:
        """Print a line with the number of the process."""
        super().say(f"process {self._rank}: {message}")
