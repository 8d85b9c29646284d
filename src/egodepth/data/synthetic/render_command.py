"""`egodepth data render`: make a set of synthetic drives."""

import multiprocessing
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from egodepth.data.synthetic.description import SPLITS, Description, claim
from egodepth.data.synthetic.drive_writer import write_drive
from egodepth.errors import InputError
from egodepth.processes import end_with_parent


@dataclass(frozen=True, kw_only=True)
class Render:
    """Make synthetic drives: images, stereo partner, exact depth, poses and masks. Run again, it goes on."""

    out: Path
    """New or empty folder, or one where the same command was interrupted."""
    train: int = 12
    """Drives to train on."""
    val: int = 3
    """Drives to choose models by."""
    test: int = 3
    """Drives to score models on."""
    frames: int = 60
    """Frames of each drive."""
    size: tuple[int, int] = (96, 320)
    """Height and width."""
    fov_deg: float = 0.0
    """Horizontal field of view of all cameras, whose pixels are then square; 0: a camera near KITTI's a drive."""
    winding: float = 1.0
    """How many times as far the roads swing to either side: 1 turns by 10 degrees at most, 4 by up to 40."""
    seed: int = 0
    """Another seed makes other streets."""
    partner: bool = True
    """Render the stereo partner's images, too."""
    processes: int = 0
    """Drives rendered at the same time; 0: as many as there are cores."""

    def __post_init__(self) -> None:
        counts = (self.train, self.val, self.test)
        checks = (
            (all(0 <= count < 10_000 for count in counts) and any(counts), "drives of a split: 0 to 9999, not all 0"),
            (3 <= self.frames <= 100_000, f"frames {self.frames}: 3 to 100000 are possible"),
            (all(16 <= side <= 4096 for side in self.size), f"size {self.size}: sides of 16 to 4096 are possible"),
            (not self.fov_deg or 12 <= self.fov_deg <= 135, f"--fov-deg {self.fov_deg:g}: 12 to 135 are possible"),
            (0 <= self.winding <= 6, f"--winding {self.winding:g}: 0 to 6 are possible"),
            (self.seed >= 0 and self.processes >= 0, "seed and processes cannot be negative"),
        )
        for is_right, message in checks:
            if not is_right:
                raise InputError(f"data render: {message}")

    def __call__(self) -> None:
        """Render what is missing, drive by drive."""
        description = Description(
            seed=self.seed,
            frames=self.frames,
            size=self.size,
            partner=self.partner,
            train=self.train,
            val=self.val,
            test=self.test,
            fov_deg=self.fov_deg,
            winding=self.winding,
        )
        claim(self.out, description)
        jobs = [
            (
                *(folder, description.street_seed(split, index), self.frames, self.size, self.partner),
                *(description.focal, self.winding),
            )
            for split in SPLITS
            for index, folder in enumerate(description.folders(self.out, split))
            if not folder.is_dir()
        ]
        columns = (BarColumn(), MofNCompleteColumn(), TextColumn("frames"), TimeElapsedColumn(), TimeRemainingColumn())
        console = Console()
        with Progress(TextColumn("rendering"), *columns, console=console) as progress:
            task = progress.add_task("", total=len(jobs) * self.frames)
            for _ in _finished(jobs, self.processes or os.cpu_count() or 1):
                progress.advance(task, self.frames)
        drives = ", ".join(f"{getattr(self, split)} {split}" for split in SPLITS)
        console.print(f"{self.out}: drives of {self.frames} frames: {drives}", highlight=False)


def _finished(jobs: list[tuple], processes: int) -> Iterator[None]:
    """Write the drives, several at a time; yields as each is finished."""
    if min(processes, len(jobs)) <= 1:
        for job in jobs:
            yield write_drive(*job)
        return
    # Spawned, not forked: the parent holds threads (torch, the progress bar).
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(processes, len(jobs)), context, initializer=_start_worker) as pool:
        try:
            for future in as_completed([pool.submit(write_drive, *job) for job in jobs]):
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _start_worker() -> None:
    """End with the command, and on Ctrl-C without a word: the command itself has one."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    end_with_parent()
