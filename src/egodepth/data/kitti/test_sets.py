"""KITTI's test recordings, and the guard that keeps them out of training."""

from collections.abc import Iterable, Sequence

from egodepth.config import TestSet
from egodepth.data.drive import Drive
from egodepth.data.kitti.eigen import EIGEN_DRIVES, EIGEN_FRAMES
from egodepth.data.kitti.lists import Line
from egodepth.foundation.errors import InputError

SEQUENCE_RECORDINGS = {
    "00": "2011_10_03_drive_0027_sync",
    "01": "2011_10_03_drive_0042_sync",
    "02": "2011_10_03_drive_0034_sync",
    "03": "2011_09_26_drive_0067_sync",
    "04": "2011_09_30_drive_0016_sync",
    "05": "2011_09_30_drive_0018_sync",
    "06": "2011_09_30_drive_0020_sync",
    "07": "2011_09_30_drive_0027_sync",
    "08": "2011_09_30_drive_0028_sync",
    "09": "2011_09_30_drive_0033_sync",
    "10": "2011_09_30_drive_0034_sync",
}
"""Raw drive of each odometry sequence (KITTI's odometry devkit): the same recording under another name."""

TEST_RECORDINGS: dict[TestSet, frozenset[str]] = {
    "eigen": EIGEN_DRIVES,
    "odometry": frozenset(SEQUENCE_RECORDINGS[sequence] for sequence in ("09", "10")),
    "none": frozenset(),
}
_TEST_FRAMES = {(line.drive, line.frame) for line in EIGEN_FRAMES}


def recording_of(drive_name: str) -> str:
    """Return the recording of a drive: the same for both cameras, and for a raw drive and its odometry sequence."""
    drive, _, camera = drive_name.rpartition("/")
    return SEQUENCE_RECORDINGS.get(drive, drive) if camera.startswith("image_") else drive_name


def without_test_drives(drives: Sequence[Drive], test_set: TestSet) -> list[Drive]:
    """Return the drives whose recordings are not in a test set."""
    return [drive for drive in drives if recording_of(drive.name) not in TEST_RECORDINGS[test_set]]


def shared_recordings(drives: Iterable[str], others: Iterable[str]) -> list[str]:
    """Return the recordings that two sets of drives have in common, given the drives' names."""
    return sorted({recording_of(name) for name in drives} & {recording_of(name) for name in others})


def refuse_test_drives(drives: Iterable[str], test_set: TestSet, lines: Sequence[Line] = ()) -> None:
    """Refuse to train on test recordings.

    Args:
        drives: the names of the drives to train on.
        test_set: the test set whose recordings are forbidden.
        lines: the list to train on, for counts in the message.

    Raises:
        InputError: a forbidden recording; names all of them, and the number of Eigen test frames in the list.
    """
    leaks = sorted({recording_of(name) for name in drives} & TEST_RECORDINGS[test_set])
    if not leaks:
        return
    count = ""
    if lines and test_set == "eigen":
        test_frames = {(recording_of(line.drive_name), line.frame) for line in lines} & _TEST_FRAMES
        inside = sum(recording_of(line.drive_name) in TEST_RECORDINGS[test_set] for line in lines)
        count = f" ({inside} of its {len(lines)} lines; among them {len(test_frames)} of the 697 Eigen test frames)"
    raise InputError(
        f"to train on: {len(leaks)} drives of the {test_set} test set{count}: {', '.join(leaks)}; leave them out, or "
        "insist with --allow-test-drives (ablate: --data.allow-test-drives)"
    )
