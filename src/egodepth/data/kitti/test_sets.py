"""Which of KITTI's recordings are test sets; `egodepth.data.guard` keeps them out of trainings."""

from egodepth.config import TestSet
from egodepth.data.kitti.eigen import EIGEN_DRIVES, EIGEN_FRAMES

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
TEST_FRAMES: dict[TestSet, frozenset[tuple[str, int]]] = {
    "eigen": frozenset((line.drive, line.frame) for line in EIGEN_FRAMES)
}
"""(recording, frame) of the test sets that contain only a part of the frames of their recordings."""


def recording_of(drive_name: str) -> str:
    """Return the recording of a drive: the same for both cameras, and for a raw drive and its odometry sequence."""
    drive, _, camera = drive_name.rpartition("/")
    return SEQUENCE_RECORDINGS.get(drive, drive) if camera.startswith("image_") else drive_name
