"""The kinds of data sets, in one table: a new one is a file with its reader, and a line here (docs/extending.md).

Names that a configuration chooses by (test sets, nominal cameras) are here, too: no other room knows a data set.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from egodepth.config import TestSet, Truth
from egodepth.data.drive import Drive
from egodepth.data.kitti.calibration import kitti_average_camera
from egodepth.data.kitti.lists import Line as ListedFrame
from egodepth.data.kitti.lists import positions_of as listed_positions
from egodepth.data.kitti.lists import read_list as read_frame_list
from egodepth.data.kitti.odometry import is_kitti_odometry, open_kitti_odometry
from egodepth.data.kitti.raw import is_kitti_raw, open_kitti_raw
from egodepth.data.kitti.stereo2015 import open_kitti_2015, training_folder
from egodepth.data.kitti.test_sets import TEST_FRAMES, TEST_RECORDINGS, recording_of
from egodepth.data.readers.cityscapes import has_cityscapes_split, is_cityscapes, open_cityscapes
from egodepth.data.readers.make3d import is_make3d, open_make3d
from egodepth.data.readers.manifest import is_manifest, open_manifest
from egodepth.data.readers.rendered import open_synthetic
from egodepth.data.readers.rendered_set import is_rendered_set
from egodepth.geometry import Camera

__all__ = [
    "NOMINAL_CAMERAS",
    "READERS",
    "RECORDING_OF",
    "TEST_FRAMES",
    "TEST_SETS",
    "ListedFrame",
    "Reader",
    "Wanted",
    "listed_positions",
    "read_frame_list",
]


class Wanted(NamedTuple):
    """What of a data set is asked for; a reader takes what it knows of."""

    split: str = "train"
    """Which drives, where they are divided into train, val and test."""
    truth: Truth = "lidar"
    """Which true depth of KITTI's raw drives."""
    improved_dir: Path | None = None
    """Folder of their improved depth maps (it holds `train` and `val`), for that truth."""


class Reader(NamedTuple):
    """One kind of data set."""

    name: str
    """For messages."""
    recognises: Callable[[Path], bool]
    """Whether `open` should be tried on a folder."""
    open: Callable[[Path, Wanted], list[Drive]]
    """Its drives; an `InputError` says what of them cannot be used."""
    has_split: Callable[[Path, str], bool] = lambda root, split: False
    """Whether the drives are divided into train, val and test, and this one is there."""


READERS: tuple[Reader, ...] = (
    Reader(
        "a rendered set (egodepth data render)",
        is_rendered_set,
        lambda root, wanted: open_synthetic(root, wanted.split),
        lambda root, split: True,
    ),
    Reader("any folder with manifest.csv", is_manifest, lambda root, wanted: open_manifest(root)),
    Reader("Cityscapes", is_cityscapes, lambda root, wanted: open_cityscapes(root, wanted.split), has_cityscapes_split),
    Reader("KITTI raw", is_kitti_raw, lambda root, wanted: open_kitti_raw(root, wanted.truth, wanted.improved_dir)),
    Reader("KITTI 2015 stereo", lambda root: bool(training_folder(root)), lambda root, wanted: open_kitti_2015(root)),
    Reader("KITTI odometry", is_kitti_odometry, lambda root, wanted: open_kitti_odometry(root)),
    Reader("Make3D", is_make3d, lambda root, wanted: open_make3d(root)),
)
"""The first that recognises a folder opens it."""

RECORDING_OF: Callable[[str], str] = recording_of
"""From a drive's name to the recording behind it, which several data sets may have under other names."""
TEST_SETS: dict[TestSet, frozenset[str]] = TEST_RECORDINGS
"""The recordings of each test set, which no training sees."""
NOMINAL_CAMERAS: dict[str, Callable[[tuple[int, int]], Camera]] = {"kitti_average": kitti_average_camera}
"""Cameras that stand for those of all drives (`DataConfig.camera`), at the network's size."""
