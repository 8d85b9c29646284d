"""Published lists of KITTI frames, one per line: `2011_09_26/2011_09_26_drive_0022_sync 473 r`, or `8 4056 r`."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from egodepth.data.drive import Drive
from egodepth.data.media.frame_numbers import FrameNumbers
from egodepth.foundation.errors import InputError
from egodepth.foundation.reading import read_text

_CAMERAS = {"l": 2, "r": 3}
DRIVE_NAME = re.compile(r"\d{4}_\d\d_\d\d_drive_\d{4}_(sync|extract)")
"""Name of a raw recording."""
_SEQUENCE = re.compile(r"[0-9]{1,2}")
_FRAME = re.compile(r"[0-9]{1,18}")
"""Frame numbers that fit into 64 bits."""


class Line(NamedTuple):
    """One line of a list: a frame."""

    drive: str
    """A raw drive (`2011_09_26_drive_0022_sync`) or an odometry sequence (`08`)."""
    frame: int
    camera: int
    """2 left colour, 3 right colour."""

    @property
    def drive_name(self) -> str:
        """Name of the `Drive` that has the frame."""
        return camera_name(self.drive, self.camera)


def camera_name(drive: str, camera: int) -> str:
    """Return the name of the `Drive` of one camera of a raw drive or an odometry sequence."""
    return f"{drive}/image_{camera}" if _SEQUENCE.fullmatch(drive) else f"{drive}/image_{camera:02d}"


def read_list(path: str | Path) -> list[Line]:
    """Return the lines of a published list, in its order.

    Raises:
        InputError: the file is unreadable, empty, or has a line of another form; names the first one.
    """
    path = Path(path)
    try:
        lines = read_text(path).splitlines()
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: no list of frames that can be read; check the path") from error
    rows = [(number, row.split()) for number, row in enumerate(lines, 1) if row.strip()[:1] not in ("", "#")]
    if not rows:
        raise InputError(f"{path}: empty; a list has lines such as '2011_09_26/2011_09_26_drive_0022_sync 473 r'")
    return [_line(words, f"{path}, line {number}") for number, words in rows]


def _line(words: Sequence[str], where: str) -> Line:
    if len(words) == 3 and _FRAME.fullmatch(words[1]) and words[2] in _CAMERAS:
        drive = words[0].rpartition("/")[2]
        if DRIVE_NAME.fullmatch(drive):
            return Line(drive, int(words[1]), _CAMERAS[words[2]])
        if _SEQUENCE.fullmatch(words[0]):
            return Line(f"{int(drive):02d}", int(words[1]), _CAMERAS[words[2]])
    raise InputError(
        f"{where}: '{' '.join(words)[:60]}' is not of the form '2011_09_26/2011_09_26_drive_0022_sync 473 r' (drive, "
        "frame, l or r) or '8 4056 r'"
    )


def positions_of(lines: Iterable[Line], drives: Sequence[Drive]) -> tuple[list[tuple[int, int]], list[Line]]:
    """Return (position of the drive, frame) for each line whose frame exists, in order; and the other lines."""
    by_name = {drive.name: (position, FrameNumbers.of(drive.frames)) for position, drive in enumerate(drives)}
    found: list[tuple[int, int]] = []
    missing: list[Line] = []
    for line in lines:
        position, frames = by_name.get(line.drive_name, (-1, ()))
        if line.frame in frames:
            found.append((position, line.frame))
        else:
            missing.append(line)
    return found, missing
