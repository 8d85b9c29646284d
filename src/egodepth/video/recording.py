"""A recording and the frames that were extracted from it for training."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, UInt8

from egodepth.data.footage.source import Footage, open_footage
from egodepth.data.footage.times import frame_times
from egodepth.data.images import resize_rgb
from egodepth.data.media.frame_numbers import FrameNumbers
from egodepth.data.readers.folder import FolderDrive


class Picture(NamedTuple):
    """One frame of a recording as the model's camera sees it."""

    place: int
    """Position among all readable frames, from 0. It names the files."""
    seconds: float
    image: UInt8[np.ndarray, "h w 3"]


class Row(NamedTuple):
    """Extracted frames between which the camera moves without a break."""

    numbers: list[int]
    """Numbers of the extracted frames, consecutive."""
    seconds: Float64[np.ndarray, " n"]
    """Time of each frame in the recording."""


@dataclass(frozen=True)
class Recording:
    """A video or a folder of images, with the drive that was extracted from it."""

    name: str
    footage: Footage
    drive: FolderDrive
    rows: list[Row]

    @classmethod
    def open(cls, path: Path, frames: Path) -> "Recording":
        """Open a recording and the folder that `egodepth data extract` made of it, with a camera file in or above it.

        Raises:
            InputError: one of them cannot be read.
        """
        drive = FolderDrive(frames)
        return cls(frames.name, open_footage(path), drive, _rows(frames))

    def pictures(self, first: int = 0) -> Iterator[Picture]:
        """Yield all readable frames from a position on: upright, undistorted, at the size of the extracted ones."""
        place = 0
        for picture in self.footage.pictures():
            if picture.image is None or picture.image.shape[:2] != self.footage.size:
                continue
            if place >= first:
                image = self.drive.undistorted(resize_rgb(picture.image, self.drive.size))
                yield Picture(place, picture.seconds, image)
            place += 1


def _rows(frames: Path) -> list[Row]:
    times = frame_times(frames)
    numbers, seconds = list(times), np.array(list(times.values()))
    return [Row(numbers[places], seconds[places]) for places in FrameNumbers.of(numbers).slices()]
