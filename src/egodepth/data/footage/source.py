"""Read a video file or a folder of images as one stream of pictures. Broken pictures do not stop it."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8

from egodepth.data.footage.times import USUAL_FPS, folder_times
from egodepth.data.images import image_size, read_rgb
from egodepth.data.media.frames import list_images, no_images, number_files, refuse_two_cameras
from egodepth.data.video import Video, is_video
from egodepth.foundation.errors import InputError

logger = logging.getLogger("egodepth")


class Picture(NamedTuple):
    """One frame of a recording."""

    number: int
    """Position in a video, from 0; for a folder, the number in the file name."""
    seconds: float
    """Time since the first picture."""
    image: UInt8[np.ndarray, "h w 3"] | None
    """RGB, upright; None if unreadable."""


class Footage(ABC):
    """A recording that is read from beginning to end, with one picture in memory at a time."""

    path: Path
    size: tuple[int, int]
    """(height, width) of the first picture."""
    pixel_aspect: Fraction = Fraction(1)
    """Width of a pixel over its height."""
    rate: float
    """Average frames per second."""
    timed: bool = True
    """Whether the times of the pictures are known; otherwise `rate` is an assumption."""
    expected: int | None
    """Expected number of pictures, if known."""
    ended: str | None = None
    """Reason for an early end; known after reading."""

    @abstractmethod
    def pictures(self) -> Iterator[Picture]:
        """Yield all pictures in order. Numbers ascend; a missing picture leaves a gap."""

    @abstractmethod
    def fingerprint(self) -> str:
        """Return a text that changes when the recording changes."""


class VideoFootage(Footage):
    """A video file. It ends where the frame size changes, because later frames belong to another camera."""

    def __init__(self, path: Path) -> None:
        """Open the file; raises `InputError` as `Video.open`."""
        self._video = Video.open(path)
        self.path, self.size, self.pixel_aspect = path, self._video.size, self._video.pixel_aspect
        self.rate, self.expected = float(self._video.rate), self._video.expected

    def pictures(self) -> Iterator[Picture]:
        """Yield every frame that can be decoded."""
        number = -1
        frames = self._video.frames()
        while True:
            try:
                frame = next(frames, None)
            except InputError as error:
                if number < 0:
                    raise
                self.ended = f"{error}; what follows is left out"
                return
            if frame is None:
                return
            number += 1
            yield Picture(number, float(frame.pts * self._video.time_base), frame.image)

    def fingerprint(self) -> str:
        """Return size and date of the file."""
        return _stamp(self.path)


class FolderFootage(Footage):
    """Images of one folder, numbered as `number_files` does."""

    rate = USUAL_FPS

    def __init__(self, path: Path) -> None:
        """List the folder; `InputError` without a readable image."""
        self.path = path
        images = list_images(path)
        if not images:
            raise no_images(path)
        refuse_two_cameras(images)
        self._files = number_files(images)
        self.size, self.expected = self._first_size(), len(self._files)
        self._times = folder_times(path, self._files)
        self.timed = bool(self._times) and len(self._times) > 1
        if self._times and self.timed:
            self.rate = 1 / median(b - a for a, b in pairwise(self._times.values()))

    def _first_size(self) -> tuple[int, int]:
        trouble: InputError | None = None
        for path in self._files.values():
            try:
                return image_size(path)
            except InputError as error:
                trouble = trouble or error
        raise trouble or InputError(f"{self.path}: no images in this folder")

    def pictures(self) -> Iterator[Picture]:
        """Yield every file. Without known times, the rate is `USUAL_FPS`."""
        first = next(iter(self._files))
        for number, path in self._files.items():
            try:
                image = read_rgb(path)
            except InputError as error:
                logger.warning("%s", error)
                image = None
            seconds = self._times[number] if self._times else (number - first) / self.rate
            yield Picture(number, seconds, image)

    def fingerprint(self) -> str:
        """Return the number of files, and size and date of the first and the last one."""
        paths = list(self._files.values())
        return f"{len(paths)} {_stamp(paths[0])} {_stamp(paths[-1])}"


def open_footage(path: Path) -> Footage:
    """Open a video file or a folder of images; anything else is an `InputError`."""
    if path.is_dir():
        return FolderFootage(path)
    if not path.exists():
        raise InputError(f"{path}: does not exist; give a video file or a folder of frames")
    if not is_video(path):
        raise InputError(f"{path}: neither a video nor a folder of frames; check the path or convert it")
    return VideoFootage(path)


def _stamp(path: Path) -> str:
    state = path.stat()
    return f"{path.name} {state.st_size} {state.st_mtime_ns}"
