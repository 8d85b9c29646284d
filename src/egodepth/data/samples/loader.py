"""Load batches in the order of their steps, in worker processes. Workers that die or hang are replaced without loss."""

import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

from torch.utils.data import DataLoader

from egodepth.data.samples.sampler import RawBatch, TrainBatches
from egodepth.foundation.errors import InputError, reason_of

_CHECK_SECONDS = 2.0
_MOST_FAILURES = 3
"""Largest number of consecutive failures without a batch in between; more end the training."""


def batches_from(
    dataset: TrainBatches,
    start: int,
    workers: int,
    pin: bool,
    patience: int = 0,
    say: Callable[[str], None] = lambda _: None,
) -> Iterator[RawBatch]:
    """Yield the batches from step `start` to the end, in order.

    A batch is a function of its step. If a worker dies (out of memory, killed) or hangs, new workers continue at the
    next step, and the result of the run does not change.

    Args:
        dataset: makes the batches.
        start: the first step.
        workers: number of worker processes; 0: load in this process.
        pin: use pinned memory, for the transfer to a GPU.
        patience: time limit of a batch in seconds, after which its worker counts as hanging; 0: no limit.
        say: prints a line about every restart.

    Raises:
        InputError: a step has no batch, or workers die repeatedly.
    """
    step, failures = start, 0
    while step < len(dataset):
        batches = _started(dataset, step, workers, pin)
        try:
            while step < len(dataset):
                batch = _next(batches, patience)
                if isinstance(batch, InputError):
                    raise batch
                yield RawBatch(*batch)
                step, failures = step + 1, 0
        except (RuntimeError, OSError, EOFError) as error:
            # Errors of the data set itself are raised again. OSError and EOFError can be due to a dead worker's memory.
            if not workers or "Caught " in str(error):
                raise
            failures += 1
            reason = reason_of(error)
            if failures > _MOST_FAILURES:
                raise InputError(
                    f"step {step}: the processes that load data failed {failures} times in a row ({reason}); check "
                    "whether memory runs out, or continue with --trainer.workers 0"
                ) from error
            say(f"step {step}: {reason}; loading restarts at this step")
            _kill_workers(batches)


def _started(dataset: TrainBatches, step: int, workers: int, pin: bool) -> Iterator[Any]:
    before = signal.getsignal(signal.SIGCHLD)
    batches = iter(
        DataLoader(
            dataset,
            batch_size=None,
            sampler=range(step, len(dataset)),  # pyright: ignore[reportArgumentType]
            num_workers=workers,
            pin_memory=pin,
            prefetch_factor=4 if workers else None,
            timeout=_CHECK_SECONDS if workers else 0,
            worker_init_fn=_ignore_stop_signals if workers else None,
        )
    )
    if workers and threading.current_thread() is threading.main_thread():
        # When a worker dies, torch's handler raises anywhere in the program, even within a step of the optimiser.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL if before is None else before)  # None: not set by Python
    return batches


def _next(batches: Iterator[Any], patience: int) -> Any:
    """Return the next batch. Short timeouts make torch check regularly whether the worker is alive."""
    waited = 0.0
    while True:
        try:
            return next(batches)
        except RuntimeError as error:
            waited += _CHECK_SECONDS
            if "timed out" not in str(error) or 0 < patience <= waited:
                raise


def _ignore_stop_signals(_worker: int) -> None:
    """Ignore the signals that stop a run: they reach the whole process group, and the training process handles them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _kill_workers(batches: Any) -> None:
    """Kill the workers; a normal shutdown would wait for a hanging one."""
    for worker in getattr(batches, "_workers", ()):
        worker.kill()
