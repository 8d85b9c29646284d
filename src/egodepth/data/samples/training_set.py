"""The training set of a configuration: its drives and samples, without those of the test set."""

from collections import Counter
from dataclasses import dataclass

from rich.console import Console
from rich.progress import Progress

from egodepth.config import DataConfig
from egodepth.data.drive import Drive, select_drives
from egodepth.data.guard import refuse_test_drives, without_test_drives
from egodepth.data.media.frame_numbers import FrameNumbers
from egodepth.data.opening import open_drives, usable_frames
from egodepth.data.registry import ListedFrame, listed_positions, read_frame_list
from egodepth.data.sample_index import SampleIndex
from egodepth.data.samples.static_frames import moving_frames
from egodepth.foundation.errors import InputError

_ALL = ("*",)


@dataclass(frozen=True)
class TrainingSet:
    """Training drives and their samples."""

    drives: list[Drive]
    """Drives with at least one sample each."""
    samples: SampleIndex
    """(position of the drive, frame number) of every target."""
    left_out: list[str]
    """Names of the drives that are left out because they are in the test set."""
    still: dict[str, int]
    """Number of samples, by drive, that are left out because the camera stands still."""


def open_training_set(config: DataConfig) -> TrainingSet:
    """Open the folders of a configuration and return its training set.

    By default, all drives outside the test set are used. If the configuration names drives or a list of frames, a test
    drive among them is an error.

    Raises:
        InputError: no data, unusable data, a drive of the test set, or a line of the list without a frame.
    """
    if not config.path:
        raise InputError("no data to train on; give --data.path FOLDER (a synthetic set: egodepth data render)")
    lines = read_frame_list(config.split_file) if config.split_file else []
    if not config.allow_test_drives:
        refuse_test_drives([line.drive_name for line in lines], config.test_set, lines)
    drives = select_drives([drive for path in config.path for drive in open_drives(path, "train")], config.drives)
    left_out: list[str] = []
    if not config.allow_test_drives and not lines:
        everything = drives
        if config.drives == _ALL:
            drives = without_test_drives(everything, config.test_set)
            kept = set(drives)
            left_out = [drive.name for drive in everything if drive not in kept]
        if not drives or config.drives != _ALL:
            refuse_test_drives([drive.name for drive in everything], config.test_set)
    usable = usable_frames(drives, config.offsets, config.stereo, config.lone_pairs)
    still: dict[str, int] = {}
    if lines:
        samples = _listed(lines, drives, usable, config)
    else:
        if config.min_motion:
            usable, still = _moving(drives, usable, config.min_motion)
        samples = SampleIndex.of_drives(usable)
    # With a list, most drives have no sample; they do not count as training drives.
    used, samples = samples.used_drives()
    training = TrainingSet([drives[position] for position in used], samples, left_out, still)
    if config.poses == "given":
        for drive in training.drives:
            drive.read_pose(drive.frames[0])  # raises now, not in the first step, if the data set has no poses
    return training


def _moving(
    drives: list[Drive], usable: list[FrameNumbers], min_motion: float
) -> tuple[list[FrameNumbers], dict[str, int]]:
    """Return the usable frames of each drive where the camera moves, and the number of the others by drive."""
    kept: list[FrameNumbers] = []
    still: Counter[str] = Counter()
    with Progress(*Progress.get_default_columns(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Looking for motion", total=sum(len(drive.frames) for drive in drives))
        for drive, frames in zip(drives, usable, strict=True):
            moving = moving_frames(drive, min_motion, lambda count: bar.advance(task, count))
            kept.append(frames.shared_with(moving))
            still[drive.name] += len(frames) - len(kept[-1])
    still = +still  # removes drives with 0
    if not any(map(len, kept)):
        raise InputError(
            f"{', '.join(still)}: the camera stands still in all {still.total()} frames, or seems to (is the recording "
            "car visible?); give other drives, or --data.min-motion 0"
        )
    return kept, dict(still)


def _listed(
    lines: list[ListedFrame], drives: list[Drive], usable: list[FrameNumbers], config: DataConfig
) -> SampleIndex:
    """Return the samples of a list. All its frames must exist; frames with missing neighbours are left out."""
    found, missing = listed_positions(lines, drives)
    if missing:
        first = missing[0]
        raise InputError(
            f"{config.split_file}: {len(missing)} of {len(missing) + len(found)} lines have no frame in "
            f"{', '.join(config.path)}; the first: {first.drive_name}, frame {first.frame}; unpack their drives, or "
            "shorten the list (egodepth data inspect DIR --split-file LIST shows the drives that it needs)"
        )
    listed = SampleIndex.of((position, frame) for position, frame in found if frame in usable[position])
    if not listed:
        raise InputError(f"{config.split_file}: no frame has all of its neighbours; unpack complete drives")
    return listed
