"""`egodepth data inspect DIR`: what a data set or a recording holds, and whether one can train on it."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import tyro
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from egodepth.data.cameras import find_camera_file, horizontal_fov_deg
from egodepth.data.drive import Drive
from egodepth.data.folder import FolderDrive
from egodepth.data.footage.report import footage_table
from egodepth.data.footage.select import MOTION
from egodepth.data.footage.source import Footage, open_footage
from egodepth.data.footage.stereo import stereo_warnings
from egodepth.data.footage.summary import FootageSummary, verdict
from egodepth.data.footage.times import FOOTAGE_FILE
from egodepth.data.footage.watch import watch
from egodepth.data.frame_numbers import FrameNumbers
from egodepth.data.frames import list_images
from egodepth.data.kitti.lists import positions_of, read_list
from egodepth.data.manifest import is_manifest
from egodepth.data.opening import open_drives, training_samples
from egodepth.errors import InputError
from egodepth.files import write_text

MOST_MATCHED = 12
"""Drives of a set whose stereo pairs are matched: one that is the wrong way round, all are."""


@dataclass(frozen=True)
class DriveSummary:
    """What one drive holds."""

    name: str
    frames: int
    gaps: int
    """How often the next number is missing."""
    size: tuple[int, int]
    """Height and width."""
    fov_deg: float
    """Horizontal field of view."""
    baseline_m: float | None
    frames_with_partner: int
    frames_with_depth: int
    training_samples: int


@dataclass(frozen=True)
class Inspect:
    """Look at a data set: drives, frames, gaps, camera, stereo, true depth, and the samples one can train on.

    Of a video file and of a folder of frames, which need no camera for that, the pictures are looked at, too: how they
    move, whether with parallax, what is wrong with them, and what to do about it. Stereo pairs are matched: is the
    partner on the side, at the height and as far away as the camera file says?
    """

    folder: tyro.conf.Positional[Path]
    """A video file, frames with camera.json or without, a folder of folders with both, any folder with manifest.csv,
    KITTI (raw, odometry or 2015), Cityscapes, Make3D, or a rendered set."""
    split: Literal["train", "val", "test"] = "train"
    """Which drives of a rendered set or of Cityscapes."""
    offsets: tuple[int, ...] = (-1, 1)
    """Neighbours that a training sample needs."""
    stereo: bool = False
    """Whether a training sample needs the stereo partner."""
    split_file: Path | None = None
    """A published list of frames: say how many of its lines are there, and which drives the others need."""
    json: Path | None = None
    """Write the summary to this file, too."""

    def __call__(self) -> None:
        """Print the table; write the JSON file if asked for."""
        drives = [] if is_loose(self.folder) else open_drives(self.folder, self.split)
        summaries = [summarise(drive, self.offsets, self.stereo) for drive in drives]
        coverage = list_coverage(self.split_file, drives) if self.split_file else None
        mismatches = stereo_warnings(drives[:MOST_MATCHED])
        footage = open_footage(self.folder) if _is_one_recording(drives) else None
        measured = _measured(footage) if footage else None
        if self.json:
            _write_json(self.json, self.folder, summaries, coverage, measured, mismatches)
        console = Console()
        if drives:
            console.print(_table(str(self.folder), summaries))
            console.print("gaps: missing numbers; depth: frames with truth; train: frames with all that training needs")
        if coverage:
            console.print(coverage.text(), highlight=False)
        for warning in mismatches:
            console.print(warning, highlight=False, markup=False)
        if footage and measured:
            console.print(footage_table(footage, measured))
            for sentence in verdict(measured):
                console.print(sentence, highlight=False, markup=False)


def is_loose(path: Path) -> bool:
    """Whether a path is a recording without a camera file: a video, or a folder of frames and nothing else."""
    if not path.is_dir():
        return path.is_file()
    camera_file = find_camera_file(path, path.resolve().parent)
    return bool(list_images(path)) and not camera_file.is_file() and not is_manifest(path)


def _is_one_recording(drives: Sequence[Drive]) -> bool:
    """Whether its pictures are looked at: those of whole data sets are too many."""
    return not drives or (len(drives) == 1 and isinstance(drives[0], FolderDrive))


def _measured(footage: Footage) -> FootageSummary:
    # Frames that were extracted are as far apart as was asked for, give or take what compression changes.
    motion = MOTION * (0.7 if (footage.path / FOOTAGE_FILE).is_file() else 1)
    measures = watch(footage, lambda kept: None, motion)
    return FootageSummary.of(measures, footage.ended)


@dataclass(frozen=True)
class ListCoverage:
    """How much of a published list a data set can serve."""

    list: str
    lines: int
    served: int
    missing_drives: dict[str, int]
    """Lines that lack their frame, by drive."""

    def text(self) -> str:
        """For people."""
        shown = [f"{name} ({count})" for name, count in list(self.missing_drives.items())[:6]]
        more = f" and {len(self.missing_drives) - 6} more" if len(self.missing_drives) > 6 else ""
        lacking = f"; missing, with their lines: {', '.join(shown)}{more}" if shown else ""
        return f"{self.list}: {self.served} of {self.lines} lines are there{lacking}"


def list_coverage(path: Path, drives: Sequence[Drive]) -> ListCoverage:
    """Compare a list with the frames that exist; an unreadable list is an `InputError`."""
    lines = read_list(path)
    found, missing = positions_of(lines, drives)
    counts = Counter(line.drive_name for line in missing)
    return ListCoverage(str(path), len(lines), len(found), dict(counts.most_common()))


def summarise(drive: Drive, offsets: tuple[int, ...] = (-1, 1), stereo: bool = False) -> DriveSummary:
    """Count what a drive holds; no image is decoded."""
    frames = FrameNumbers.of(drive.frames)
    try:
        usable = len(training_samples([drive], offsets, stereo))
    except InputError:
        usable = 0
    baseline = None if drive.partner_from_self is None else float(np.linalg.norm(drive.partner_from_self[:3, 3]))
    return DriveSummary(
        name=drive.name,
        frames=len(frames),
        gaps=max(len(frames.start) - 1, 0),
        size=drive.size,
        fov_deg=round(horizontal_fov_deg(drive.camera), 2),
        baseline_m=None if baseline is None else round(baseline, 4),
        frames_with_partner=len(frames.shared_with(drive.partner_frames)),
        frames_with_depth=len(frames.shared_with(drive.depth_frames)),
        training_samples=usable,
    )


def _write_json(
    path: Path,
    folder: Path,
    summaries: list[DriveSummary],
    coverage: ListCoverage | None,
    measured: FootageSummary | None,
    mismatches: list[str],
) -> None:
    content: dict[str, object] = {"folder": str(folder), "drives": [asdict(summary) for summary in summaries]}
    content["stereo_warnings"] = mismatches
    if coverage:
        content["list"] = asdict(coverage)
    if measured:
        content["footage"] = asdict(measured) | {"verdict": verdict(measured)}
    write_text(path, json.dumps(content, indent=2) + "\n")


def _table(title: str, summaries: list[DriveSummary]) -> Table:
    # Without lines, KITTI's long names still fit a terminal of 80 columns.
    table = Table(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("drive", overflow="fold")
    for heading in ("frames", "gaps", "size", "fov", "stereo", "depth", "train"):
        table.add_column(heading, justify="right", no_wrap=True)
    for s in summaries:
        counts = (str(s.frames_with_depth or "-"), str(s.training_samples))
        table.add_row(
            escape(s.name),
            str(s.frames),
            str(s.gaps),
            f"{s.size[1]}x{s.size[0]}",
            f"{s.fov_deg:.0f}°",
            _stereo(s),
            *counts,
        )
    frames, depth, samples = (
        str(sum(getattr(s, field) for s in summaries)) for field in ("frames", "frames_with_depth", "training_samples")
    )
    table.add_row(f"all {len(summaries)}", frames, "", "", "", "", depth, samples, style="bold")
    return table


def _stereo(summary: DriveSummary) -> str:
    """Baseline, and how many frames have the partner's image where some lack it."""
    if summary.baseline_m is None:
        return "-"
    partial = f" ({summary.frames_with_partner})" if summary.frames_with_partner < summary.frames else ""
    return f"{summary.baseline_m:.2f} m{partial}"
