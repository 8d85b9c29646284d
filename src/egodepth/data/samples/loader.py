"""Batches in the order of their steps, from processes that may die or hang without anything being lost by it."""

import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

from torch.utils.data import DataLoader

from egodepth.data.samples.sampler import RawBatch, TrainBatches
from egodepth.foundation.errors import InputError, reason_of

_LOOK_S = 2.0
_FAILURES = 3
"""In a row, without a batch in between; more are no accident."""


def batches_from(
    dataset: TrainBatches,
    start: int,
    workers: int,
    pin: bool,
    patience: int = 0,
    say: Callable[[str], None] = lambda _: None,
) -> Iterator[RawBatch]:
    """The batches of steps `start` to the end, in order.

    A batch is a function of its step: where a worker dies (memory runs out, someone kills it) or hangs, new ones begin
    at the step that is due, and the run does not change by it.

    Args:
        dataset: makes the batches.
        start: the first step.
        workers: processes; 0 for this one.
        pin: for the way to a GPU.
        patience: seconds that a batch may take before its worker counts as hanging; 0: for ever.
        say: told of every fresh start.

    Raises:
        InputError: that of a step that has no batch; or workers that die again and again.
    """
    step, failures = start, 0
    while step < len(dataset):
        batches = _begun(dataset, step, workers, pin)
        try:
            while step < len(dataset):
                batch = _next(batches, patience)
                if isinstance(batch, InputError):
                    raise batch
                yield RawBatch(*batch)
                step, failures = step + 1, 0
        except (RuntimeError, OSError, EOFError) as error:
            # Not what the data set itself raised; and a worker that died may leave a batch without its memory.
            if not workers or "Caught " in str(error):
                raise
            failures += 1
            reason = reason_of(error)
            if failures > _FAILURES:
                raise InputError(
                    f"step {step}: the processes that load data failed {failures} times in a row ({reason}); see "
                    "whether memory runs out, or go on with --trainer.workers 0"
                ) from error
            say(f"step {step}: {reason}; loading begins anew at this step")
            _end(batches)


def _begun(dataset: TrainBatches, step: int, workers: int, pin: bool) -> Iterator[Any]:
    before = signal.getsignal(signal.SIGCHLD)
    batches = iter(
        DataLoader(
            dataset,
            batch_size=None,
            sampler=range(step, len(dataset)),  # pyright: ignore[reportArgumentType]
            num_workers=workers,
            pin_memory=pin,
            prefetch_factor=4 if workers else None,
            timeout=_LOOK_S if workers else 0,
            worker_init_fn=_deaf if workers else None,
        )
    )
    if workers and threading.current_thread() is threading.main_thread():
        # Torch's handler raises wherever the program is when a worker dies, in the middle of an optimiser's step, too.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL if before is None else before)  # None: not set by Python
    return batches


def _next(batches: Iterator[Any], patience: int) -> Any:
    """The next batch; looks now and then whether its worker is alive, which torch does when it has waited in vain."""
    waited = 0.0
    while True:
        try:
            return next(batches)
        except RuntimeError as error:
            waited += _LOOK_S
            if "timed out" not in str(error) or 0 < patience <= waited:
                raise


def _deaf(_worker: int) -> None:
    """Signals that ask a run to stop reach its whole group of processes; the one that trains decides."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _end(batches: Any) -> None:
    """At once: the loader asks its processes kindly, and one that hangs would never answer."""
    for worker in getattr(batches, "_workers", ()):
        worker.kill()
