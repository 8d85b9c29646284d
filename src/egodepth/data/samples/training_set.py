"""What a training is made of: the drives and samples of a configuration, without those of the test set."""

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
    """Drives, and the samples of them that are trained on."""

    drives: list[Drive]
    """Each has samples."""
    samples: SampleIndex
    """(position of the drive, frame number) of every target."""
    left_out: list[str]
    """Names of drives that are not trained on because the test set has them."""
    still: dict[str, int]
    """Samples by drive that are not trained on because the camera stands still."""


def open_training_set(config: DataConfig) -> TrainingSet:
    """Open the folders of a configuration and find its samples; no image is decoded.

    Every drive outside of the test set is trained on, unless drives or a list of frames are named: a test drive among
    those is an error, not left out.

    Raises:
        InputError: no data, unusable data, a drive of the test set, or lines of the list without a frame.
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
    # A list leaves most drives without a sample; what is not trained on is nobody's training drive.
    used, samples = samples.used_drives()
    training = TrainingSet([drives[position] for position in used], samples, left_out, still)
    if config.poses == "given":
        for drive in training.drives:
            drive.read_pose(drive.frames[0])  # refused now, by a data set without poses, not at the first step
    return training


def _moving(
    drives: list[Drive], usable: list[FrameNumbers], min_motion: float
) -> tuple[list[FrameNumbers], dict[str, int]]:
    """Of each drive, the usable frames at which the camera moves, and how many others it has."""
    kept: list[FrameNumbers] = []
    still: Counter[str] = Counter()
    with Progress(*Progress.get_default_columns(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Looking for motion", total=sum(len(drive.frames) for drive in drives))
        for drive, frames in zip(drives, usable, strict=True):
            moving = moving_frames(drive, min_motion, lambda count: bar.advance(task, count))
            kept.append(frames.shared_with(moving))
            still[drive.name] += len(frames) - len(kept[-1])
    still = +still  # those that have some
    if not any(map(len, kept)):
        raise InputError(
            f"{', '.join(still)}: the camera stands still in all {still.total()} frames, or looks as if it did (does "
            "it see its own car?); give other drives, or --data.min-motion 0"
        )
    return kept, dict(still)


def _listed(
    lines: list[ListedFrame], drives: list[Drive], usable: list[FrameNumbers], config: DataConfig
) -> SampleIndex:
    """The samples that a list names; its frames must all be there, their neighbours may be missing."""
    found, missing = listed_positions(lines, drives)
    if missing:
        first = missing[0]
        raise InputError(
            f"{config.split_file}: {len(missing)} of {len(missing) + len(found)} lines have no frame in "
            f"{', '.join(config.path)}; the first: {first.drive_name}, frame {first.frame}; unpack their drives, or "
            "shorten the list (egodepth data inspect DIR --split-file LIST says which drives it needs)"
        )
    listed = SampleIndex.of((position, frame) for position, frame in found if frame in usable[position])
    if not listed:
        raise InputError(f"{config.split_file}: none of its frames has all of its neighbours; unpack whole drives")
    return listed
