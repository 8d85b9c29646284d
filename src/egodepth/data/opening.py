"""Open the drives of a path, and find the usable frames of drives."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from egodepth.config import Truth
from egodepth.data.drive import Drive
from egodepth.data.media.frame_numbers import FrameNumbers
from egodepth.data.media.frames import list_images
from egodepth.data.readers.folder import PARTNER_FOLDER, FolderDrive
from egodepth.data.registry import READERS, Wanted
from egodepth.data.sample_index import SampleIndex
from egodepth.data.video import is_video
from egodepth.foundation.errors import InputError
from egodepth.foundation.remote import local_folder

T = TypeVar("T")
_KINDS = [reader.name for reader in READERS]
FRAMES = "a folder of frames with camera.json"
"""Kind of a data set without a reader of its own."""
UNDERSTOOD = f"{FRAMES}, a folder of such folders, {', '.join(_KINDS[:-1])} or {_KINDS[-1]}"


def open_drives(
    path: str | Path, split: str = "train", truth: Truth = "lidar", improved_dir: str | Path | None = None
) -> list[Drive]:
    """Return all drives of a data set of any kind.

    Args:
        path: see `UNDERSTOOD`; for a URL, its mirror in the cache is opened.
        split: the split of a rendered set or of Cityscapes; other kinds have no splits and return all drives.
        truth: which true depth of KITTI's raw drives.
        improved_dir: folder of their improved depth maps (with `train` and `val`), for that truth.

    Raises:
        InputError: nothing there, an unknown format, or a drive that cannot be opened.
    """
    root = local_folder(path)
    improved_dir = local_folder(improved_dir) if improved_dir else None
    if not root.is_dir():
        if root.is_file() and is_video(root):
            raise InputError(
                f"{root}: is a video; `egodepth data extract {root} --out FOLDER` makes a folder of its frames"
            )
        kind = "is a file" if root.exists() else "does not exist"
        raise InputError(f"{root}: {kind}; give {UNDERSTOOD}")
    for reader in READERS:
        if reader.recognises(root):
            return reader.open(root, Wanted(split, truth, improved_dir))
    if list_images(root):
        return [FolderDrive(root)]
    folders = [folder for folder in sorted(root.iterdir()) if folder.is_dir() and list_images(folder)]
    if not folders or [folder.name for folder in folders] == [PARTNER_FOLDER]:
        raise InputError(f"{root}: no frames found ({_contents(root)}); give {UNDERSTOOD}")
    return [FolderDrive(folder) for folder in folders]


def kind_of(path: str | Path) -> str:
    """Return the kind of a data set: the name of its reader, or `FRAMES` if it has none of its own."""
    root = local_folder(path)
    return next((reader.name for reader in READERS if reader.recognises(root)), FRAMES)


def training_samples(
    drives: list[Drive], offsets: Iterable[int], stereo: bool, lone_pairs: bool = False
) -> SampleIndex:
    """Return (position of the drive, frame number) of every frame of `usable_frames`."""
    return SampleIndex.of_drives(usable_frames(drives, offsets, stereo, lone_pairs))


def usable_frames(
    drives: list[Drive], offsets: Iterable[int], stereo: bool, lone_pairs: bool = False
) -> list[FrameNumbers]:
    """Return, for each drive, the frames whose neighbours exist, and their partner if `stereo`.

    The complexity is linear in the number of gaps.

    Args:
        drives: the drives of the data set.
        offsets: the offsets of the neighbours from a frame.
        stereo: whether the partner is needed.
        lone_pairs: whether neighbours may be missing if there is a partner.

    Raises:
        InputError: no usable frame; names the missing part.
    """
    offsets = tuple(offsets)
    needed = () if lone_pairs else offsets
    found = [FrameNumbers.of(drive.frames).with_neighbours(needed) for drive in drives]
    names = ", ".join(drive.name for drive in drives[:4]) + (" ..." if len(drives) > 4 else "")
    if not any(map(len, found)):
        wanted = " and ".join(f"{offset:+d}" for offset in offsets)
        raise InputError(
            f"{names or 'no drives'}: a missing neighbour frame: no frame has its neighbours {wanted}; give frames in "
            "a row (numbers in file names count: rename them 0, 1, 2, ... if they follow one another); stereo pairs "
            "alone train with --data.stereo --data.lone-pairs"
        )
    if stereo:
        found = [frames.shared_with(drive.partner_frames) for drive, frames in zip(drives, found, strict=True)]
    if not any(map(len, found)):
        raise InputError(
            f"{names}: no frame has a stereo partner; add the other camera's images, or train by a recipe for video, "
            "such as street-clip or synthetic-m"
        )
    return found


def depth_frames(drives: list[Drive], limit: int | None = None) -> list[tuple[Drive, int]]:
    """Return the frames with true depth in the order of the drives, evenly thinned to at most `limit`."""
    found = SampleIndex.of_drives(FrameNumbers.of(drive.frames).shared_with(drive.depth_frames) for drive in drives)
    return [(drives[position], frame) for position, frame in thinned(found, limit)]


def thinned(items: Sequence[T], limit: int | None) -> list[T]:
    """Return at most `limit` items, evenly spaced; deterministic."""
    if limit is None or len(items) <= limit:
        return list(items)
    return [items[(2 * i + 1) * len(items) // (2 * limit)] for i in range(limit)]


def has_split(path: str | Path, split: str) -> bool:
    """Whether a data set is divided into train, val and test, and this split exists."""
    root = local_folder(path)
    reader = next((reader for reader in READERS if reader.recognises(root)), None)
    return reader is not None and reader.has_split(root, split)


def _contents(root: Path) -> str:
    """Describe the content of an unknown folder, for a message."""
    names = sorted(path.name for path in root.iterdir())
    packed = [name for name in names if name.endswith((".zip", ".tar", ".tar.gz", ".tgz"))]
    if packed:
        return f"{packed[0]} is still packed: unpack it there"
    shown = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
    return f"it has {shown}" if names else "it is empty"
