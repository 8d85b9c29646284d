"""Run cells in worker processes, several at a time. A cell that fails or is killed does not stop the others."""

import multiprocessing
import os
import signal
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from egodepth.foundation.errors import InputError
from egodepth.foundation.processes import end_with_parent
from egodepth.training.ablation.cells import Cell, Score, run_cell

_LOOK_SECONDS = 0.5
"""Seconds between two updates of the display."""
Work = Callable[[Cell], Score]


@dataclass
class _Worker:
    """A running cell."""

    cell: Cell
    process: BaseProcess
    reason: SimpleQueue[str]
    """Receives the reason if the cell fails."""
    line: TaskID
    """Line of the progress display."""


class CellRunner:
    """Run cells and show their progress; call `run` once."""

    def __init__(self, jobs: int, finished: Callable[[Cell], str], work: Work = run_cell) -> None:
        """Prepare the runner.

        Args:
            jobs: number of worker processes at a time.
            finished: callback after each finished cell; returns a short text about it.
            work: the worker's function of a cell; must be importable.
        """
        self._jobs, self._finished, self._work = jobs, finished, work
        self._threads = max(1, _cores() // jobs)
        self._context = _context()
        self._workers: list[_Worker] = []
        self._failures: dict[Cell, str] = {}
        self._done = 0

    def run(self, cells: Sequence[Cell], already: int = 0) -> dict[Cell, str]:
        """Run cells in order.

        Args:
            cells: the cells to run.
            already: number of cells that were finished before, for the count.

        Returns:
            The failed cells, each with one line of reason.
        """
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[state]}"))
        times = (TimeElapsedColumn(), TimeRemainingColumn())
        # A cell takes long, so the remaining time uses the speed of the last hour.
        self._bar = Progress(*columns, *times, console=Console(stderr=True), speed_estimate_period=3600)
        self._total, self._already, self._began = len(cells), already, time.monotonic()
        self._whole = self._bar.add_task("cells", total=len(cells), state="")
        waiting = list(cells)
        try:
            with self._bar:
                while waiting or self._workers:
                    while waiting and len(self._workers) < self._jobs:
                        self._start(waiting.pop(0))
                    wait([worker.process.sentinel for worker in self._workers], _LOOK_SECONDS)
                    self._look()
        finally:
            for worker in self._workers:
                worker.process.terminate()
            for worker in self._workers:
                worker.process.join()
        return self._failures

    def _start(self, cell: Cell) -> None:
        reason: SimpleQueue[str] = self._context.SimpleQueue()
        process = self._context.Process(target=_worker, args=(cell, self._work, self._threads, reason))
        process.start()
        line = self._bar.add_task(f"  {cell.variant}, seed {cell.seed}", total=cell.config.trainer.steps, state="")
        self._workers.append(_Worker(cell, process, reason, line))

    def _look(self) -> None:
        """Update the display, and remove ended workers."""
        for worker in [worker for worker in self._workers if worker.process.exitcode is not None]:
            self._workers.remove(worker)
            self._bar.remove_task(worker.line)
            worker.process.join()
            self._conclude(worker)
        shares = 0.0
        for worker in self._workers:
            done, steps = worker.cell.steps_done(), worker.cell.config.trainer.steps
            state = f"step {done}/{steps}" if done < steps else "scoring"
            self._bar.update(worker.line, completed=done, state=state)
            shares += done / steps
        count = f"{self._already + self._done} of {self._already + self._total}"
        self._bar.update(self._whole, completed=self._done + shares, state=count)

    def _conclude(self, worker: _Worker) -> None:
        cell, reason = worker.cell, _reason(worker)
        self._done += 1
        if reason:
            self._failures[cell] = reason
        word = f"failed: {reason}" if reason else self._finished(cell)
        left = (time.monotonic() - self._began) / self._done * (self._total - self._done) / 60
        count = f"{self._already + self._done}/{self._already + self._total}"
        text = f"{count}  {left:.1f} min left  {cell.variant}, seed {cell.seed}: {word}"
        self._bar.console.print(text, highlight=False, soft_wrap=True, markup=False)


def _context() -> Any:
    """Return the start method of workers. They are never forked off this process, which has threads.

    They are forked off a server that has only imported everything, which saves seconds of imports in each.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([run_cell.__module__])
    return context


def _cores() -> int:
    """Return the number of cores that this process may use, if the system reports it."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _reason(worker: _Worker) -> str:
    """Return the reason why a worker's cell failed; empty if it did not."""
    code = worker.process.exitcode
    if code == 0:
        return ""
    if not worker.reason.empty():
        return worker.reason.get()
    name = signal.Signals(-code).name if code is not None and code < 0 else f"exit code {code}"
    return f"its process ended with {name} (out of memory? try --jobs 1); see {worker.cell.log}"


def _worker(cell: Cell, work: Work, threads: int, reason: SimpleQueue[str]) -> None:
    """Run a cell in this worker process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    end_with_parent()  # two workers must never share a run folder
    _write_to(cell.log)
    torch.set_num_threads(threads)
    try:
        work(cell)
    except (InputError, OSError) as error:
        reason.put(" ".join(str(error).split()))
    except Exception as error:
        traceback.print_exc()
        reason.put(f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}; see {cell.log}")
    else:
        return
    raise SystemExit(1)


def _write_to(log: Path) -> None:
    """Redirect all output to the cell's log, because the terminal shows the parent's display."""
    log.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for stream in (1, 2):
        os.dup2(file, stream)
