"""The kinds of data sets in one table. A new kind is one file with its reader and one line here (docs/extending.md).

Test sets and nominal cameras, which a configuration chooses by name, are also here.
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
from egodepth.data.terms import CITYSCAPES, KITTI_2015, KITTI_ODOMETRY, KITTI_RAW, MAKE3D, RENDERED, Terms
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
    """Which part of a data set to open. A reader ignores what does not apply to it."""

    split: str = "train"
    """The split, if the data set is divided into train, val and test."""
    truth: Truth = "lidar"
    """Which true depth of KITTI's raw drives."""
    improved_dir: Path | None = None
    """Folder of their improved depth maps (with `train` and `val`), for that truth."""


class Reader(NamedTuple):
    """One kind of data set."""

    name: str
    """Name in messages."""
    recognises: Callable[[Path], bool]
    """Whether to try `open` on a folder."""
    open: Callable[[Path, Wanted], list[Drive]]
    """Returns the drives; an `InputError` names what is unusable."""
    has_split: Callable[[Path, str], bool] = lambda root, split: False
    """Whether the drives are divided into train, val and test, and this split exists."""
    terms: Terms = Terms()
    """Its licence and citation, for the cards of models that learn from it."""


READERS: tuple[Reader, ...] = (
    Reader(
        "a rendered set (egodepth data render)",
        is_rendered_set,
        lambda root, wanted: open_synthetic(root, wanted.split),
        lambda root, split: True,
        RENDERED,
    ),
    Reader("any folder with manifest.csv", is_manifest, lambda root, wanted: open_manifest(root)),
    Reader(
        "Cityscapes",
        is_cityscapes,
        lambda root, wanted: open_cityscapes(root, wanted.split),
        has_cityscapes_split,
        CITYSCAPES,
    ),
    Reader(
        "KITTI raw",
        is_kitti_raw,
        lambda root, wanted: open_kitti_raw(root, wanted.truth, wanted.improved_dir),
        terms=KITTI_RAW,
    ),
    Reader(
        "KITTI 2015 stereo",
        lambda root: bool(training_folder(root)),
        lambda root, wanted: open_kitti_2015(root),
        terms=KITTI_2015,
    ),
    Reader(
        "KITTI odometry",
        is_kitti_odometry,
        lambda root, wanted: open_kitti_odometry(root),
        terms=KITTI_ODOMETRY,
    ),
    Reader("Make3D", is_make3d, lambda root, wanted: open_make3d(root), terms=MAKE3D),
)
"""The first reader that recognises a folder opens it."""

RECORDING_OF: Callable[[str], str] = recording_of
"""Return the recording of a drive by its name. Several data sets may contain one recording under different names."""
TEST_SETS: dict[TestSet, frozenset[str]] = TEST_RECORDINGS
"""Recordings of each test set. No training uses them."""
NOMINAL_CAMERAS: dict[str, Callable[[tuple[int, int]], Camera]] = {"kitti_average": kitti_average_camera}
"""Cameras that replace those of all drives (`DataConfig.camera`), by the network's size."""
