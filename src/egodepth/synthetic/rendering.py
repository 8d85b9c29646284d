"""Render a set of synthetic drives to disk, several at a time."""

import multiprocessing
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from egodepth.data.readers.rendered_set import SPLITS, Description, claim
from egodepth.foundation.processes import end_with_parent
from egodepth.synthetic.drive_writer import write_drive


def render(description: Description, out: Path, processes: int = 0) -> None:
    """Render the missing drives of a set.

    Args:
        description: the description of the set.
        out: its folder, see `claim`.
        processes: number of drives rendered in parallel; 0: one per core.

    Raises:
        InputError: as `claim`, or a full disk.
    """
    claim(out, description)
    jobs = [
        (
            *(folder, description.street_seed(split, index), description.frames, description.size, description.partner),
            *(description.focal, description.winding),
        )
        for split in SPLITS
        for index, folder in enumerate(description.folders(out, split))
        if not folder.is_dir()
    ]
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("frames"), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(TextColumn("rendering"), *columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("", total=len(jobs) * description.frames)
        for _ in _finished(jobs, processes or os.cpu_count() or 1):
            progress.advance(task, description.frames)


def _finished(jobs: list[tuple], processes: int) -> Iterator[None]:
    """Write the drives, several at a time; yield when each is finished."""
    if min(processes, len(jobs)) <= 1:
        for job in jobs:
            yield write_drive(*job)
        return
    # Spawned, not forked, because the parent has threads (torch, the progress bar).
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(processes, len(jobs)), context, initializer=_start_worker) as pool:
        try:
            for future in as_completed([pool.submit(write_drive, *job) for job in jobs]):
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _start_worker() -> None:
    """End with the command. On Ctrl-C end silently, because the command prints its own message."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    end_with_parent()
