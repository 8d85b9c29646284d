"""What every recording offers, whatever its kind."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8

from egodepth.geometry.camera import Camera
from egodepth.geometry.distortion import Lens


class Picture(NamedTuple):
    """One frame of a recording."""

    number: int
    """Position in a video, from 0; for a folder, the number in the file name."""
    seconds: float
    """Time since the first picture."""
    image: UInt8[np.ndarray, "h w 3"] | None
    """RGB, upright; None if unreadable."""


class StatedCamera(NamedTuple):
    """A camera that a recording states."""

    camera: Camera
    lens: Lens | None
    """None without distortion."""
    said: str
    """Its origin, as text."""


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

    def camera(self) -> StatedCamera | None:
        """Return the camera that the recording itself states; None if it states none, as videos and folders."""
        return None


def stamp(path: Path) -> str:
    """Return name, size and date of a file."""
    state = path.stat()
    return f"{path.name} {state.st_size} {state.st_mtime_ns}"
