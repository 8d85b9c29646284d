"""Cells in worker processes, several at a time: a cell that fails, or is killed, does not stop the others."""

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
"""How often running cells are looked at."""
Work = Callable[[Cell], Score]


@dataclass
class _Worker:
    """A running cell."""

    cell: Cell
    process: BaseProcess
    reason: SimpleQueue[str]
    """Says why the cell failed, if it did."""
    line: TaskID
    """Of the progress display."""


class CellRunner:
    """Runs cells and shows how far they are; use `run` once."""

    def __init__(self, jobs: int, finished: Callable[[Cell], str], work: Work = run_cell) -> None:
        """Prepare.

        Args:
            jobs: worker processes at a time.
            finished: called here after each cell that is done; returns a word on it.
            work: what a worker does with a cell; must be importable.
        """
        self._jobs, self._finished, self._work = jobs, finished, work
        self._threads = max(1, _cores() // jobs)
        self._context = _context()
        self._workers: list[_Worker] = []
        self._failures: dict[Cell, str] = {}
        self._done = 0

    def run(self, cells: Sequence[Cell], already: int = 0) -> dict[Cell, str]:
        """Run cells in their order.

        Args:
            cells: those to do.
            already: how many others were done before, for the count.

        Returns:
            The cells that failed, with one line why.
        """
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[state]}"))
        times = (TimeElapsedColumn(), TimeRemainingColumn())
        # A cell takes long: the speed that the ETA stands on is that of the last hour.
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
        """Update the display, and take leave of workers that have ended."""
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
    """How workers start: never forked off this process, which holds threads (torch, the progress bar).

    They are forked off a server that has imported everything and done nothing: that saves each seconds of imports.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([run_cell.__module__])
    return context


def _cores() -> int:
    """How many cores this process may use, where the system says so."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _reason(worker: _Worker) -> str:
    """Why a worker's cell failed; empty if it did not."""
    code = worker.process.exitcode
    if code == 0:
        return ""
    if not worker.reason.empty():
        return worker.reason.get()
    name = signal.Signals(-code).name if code is not None and code < 0 else f"exit code {code}"
    return f"its process ended with {name} (out of memory? try --jobs 1); see {worker.cell.log}"


def _worker(cell: Cell, work: Work, threads: int, reason: SimpleQueue[str]) -> None:
    """Life of a worker process."""
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
    """Send what anything prints to the cell's log: the terminal belongs to the parent's display."""
    log.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for stream in (1, 2):
        os.dup2(file, stream)
