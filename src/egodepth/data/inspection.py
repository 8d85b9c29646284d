"""Find out what a data set or a recording holds, and whether it can be trained on."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from egodepth.data.bags.bag import is_bag
from egodepth.data.cameras import find_camera_file, horizontal_fov_deg
from egodepth.data.drive import Drive
from egodepth.data.footage.settings import FOOTAGE_FILE, MOTION
from egodepth.data.footage.source import Footage, open_footage
from egodepth.data.footage.stereo import stereo_warnings
from egodepth.data.footage.summary import FootageSummary, verdict
from egodepth.data.footage.watch import watch
from egodepth.data.media.frame_numbers import FrameNumbers
from egodepth.data.media.frames import list_images
from egodepth.data.opening import open_drives, training_samples
from egodepth.data.readers.folder import FolderDrive
from egodepth.data.readers.manifest import is_manifest
from egodepth.data.registry import listed_positions, read_frame_list
from egodepth.foundation.errors import InputError

MOST_MATCHED = 12
"""Most drives of a set whose stereo pairs are matched. If one has swapped cameras, all have."""


@dataclass(frozen=True)
class DriveSummary:
    """The content of one drive."""

    name: str
    frames: int
    gaps: int
    """Number of jumps in the frame numbers."""
    size: tuple[int, int]
    """Height and width."""
    fov_deg: float
    """Horizontal field of view in degrees."""
    baseline_m: float | None
    frames_with_partner: int
    frames_with_depth: int
    training_samples: int


class Inspection(NamedTuple):
    """Result of an inspection."""

    folder: Path
    drives: list[DriveSummary]
    stereo_warnings: list[str]
    """Contradictions between a camera file and the stereo pairs, as sentences."""
    coverage: "ListCoverage | None"
    """Coverage of a published list, if one was given."""
    footage: Footage | None
    """The recording, if its pictures were measured."""
    measured: FootageSummary | None
    """The measures of its pictures."""

    def to_json(self) -> str:
        """Return the whole inspection as JSON."""
        content: dict[str, object] = {"folder": str(self.folder), "drives": [asdict(drive) for drive in self.drives]}
        content["stereo_warnings"] = self.stereo_warnings
        if self.coverage:
            content["list"] = asdict(self.coverage)
        if self.measured:
            content["footage"] = asdict(self.measured) | {"verdict": verdict(self.measured)}
        return json.dumps(content, indent=2) + "\n"


def inspect(
    folder: Path,
    split: str = "train",
    offsets: tuple[int, ...] = (-1, 1),
    stereo: bool = False,
    split_file: Path | None = None,
    topic: str | None = None,
) -> Inspection:
    """Inspect a data set or a recording.

    Args:
        folder: a data set, a folder of frames, a video file, or a ROS bag.
        split: the split of a rendered set or of Cityscapes.
        offsets: the offsets of the neighbours that a training sample needs.
        stereo: whether a training sample needs the stereo partner.
        split_file: a published list of frames.
        topic: the topic of the images in a bag; None: the only one.

    Raises:
        InputError: nothing there, or nothing readable.
    """
    drives = [] if is_loose(folder) else open_drives(folder, split)
    summaries = [summarise(drive, offsets, stereo) for drive in drives]
    coverage = list_coverage(split_file, drives) if split_file else None
    mismatches = stereo_warnings(drives[:MOST_MATCHED])
    footage = open_footage(folder, topic) if _is_one_recording(drives) else None
    return Inspection(folder, summaries, mismatches, coverage, footage, _measured(footage) if footage else None)


def is_loose(path: Path) -> bool:
    """Whether a path is a recording without a camera file: a video, a bag, or a folder with frames only."""
    if not path.is_dir() or is_bag(path):
        return path.exists()
    camera_file = find_camera_file(path, path.resolve().parent)
    return bool(list_images(path)) and not camera_file.is_file() and not is_manifest(path)


def _is_one_recording(drives: Sequence[Drive]) -> bool:
    """Whether to measure the pictures. A whole data set has too many of them."""
    return not drives or (len(drives) == 1 and isinstance(drives[0], FolderDrive))


def _measured(footage: Footage) -> FootageSummary:
    # Extracted frames have the requested spacing, up to small changes by compression.
    motion = MOTION * (0.7 if (footage.path / FOOTAGE_FILE).is_file() else 1)
    measures = watch(footage, lambda kept: None, motion)
    return FootageSummary.of(measures, footage.ended)


@dataclass(frozen=True)
class ListCoverage:
    """How many lines of a published list a data set contains."""

    list: str
    lines: int
    served: int
    missing_drives: dict[str, int]
    """Number of lines without a frame, by drive."""

    def text(self) -> str:
        """Return the coverage as a sentence."""
        shown = [f"{name} ({count})" for name, count in list(self.missing_drives.items())[:6]]
        more = f" and {len(self.missing_drives) - 6} more" if len(self.missing_drives) > 6 else ""
        lacking = f"; missing drives, with their number of lines: {', '.join(shown)}{more}" if shown else ""
        return f"{self.list}: {self.served} of {self.lines} lines have a frame{lacking}"


def list_coverage(path: Path, drives: Sequence[Drive]) -> ListCoverage:
    """Compare a list with the existing frames; an unreadable list is an `InputError`."""
    lines = read_frame_list(path)
    found, missing = listed_positions(lines, drives)
    counts = Counter(line.drive_name for line in missing)
    return ListCoverage(str(path), len(lines), len(found), dict(counts.most_common()))


def summarise(drive: Drive, offsets: tuple[int, ...] = (-1, 1), stereo: bool = False) -> DriveSummary:
    """Count the content of a drive without decoding images."""
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
