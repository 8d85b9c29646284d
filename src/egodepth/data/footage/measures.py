"""What is measured of a recording, and what becomes of each of its pictures."""

from array import array
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import groupby

SHORTEST = 3
"""Frames in a row that a training needs: one and its neighbours."""


class Fate(IntEnum):
    """What becomes of a picture, and why."""

    KEPT = 0
    NEAR = 1
    """Too little motion since the one that was kept last."""
    DUPLICATE = 2
    STATIC = 3
    SHORT = 4
    """Good, but with fewer than `SHORTEST` between two breaks."""
    BLANK = 5
    """No texture: black, or out of focus."""
    SIZE = 6
    """Another size than the first picture's."""
    UNREADABLE = 7


@dataclass
class Measures:
    """All that is measured of a recording; a few bytes a frame."""

    number: array = field(default_factory=lambda: array("q"))
    """Of each picture."""
    fate: bytearray = field(default_factory=bytearray)
    """Of each picture."""
    sharpness: array = field(default_factory=lambda: array("f"))
    """Of each picture that can be used."""
    motion: array = field(default_factory=lambda: array("f"))
    """From each picture to the next that is another; infinite where it cannot be followed."""
    exposure: array = field(default_factory=lambda: array("f"))
    """Change over the same pairs, doublings."""
    spacing: array = field(default_factory=lambda: array("f"))
    """Motion from each kept picture to the next."""
    parallax: array = field(default_factory=lambda: array("f"))
    """What of it no turn of the camera explains."""
    seconds_apart: array = field(default_factory=lambda: array("f"))
    """Time from each kept picture to the next."""
    breaks: list[tuple[int, str]] = field(default_factory=list)
    """Pictures that begin something else, and why."""
    seconds: float = 0.0
    """When the last picture is shown."""

    def count(self, *fates: Fate) -> int:
        """How many pictures had one of these fates."""
        return sum(self.fate.count(fate) for fate in fates)

    def runs(self) -> list[tuple[int, int, str]]:
        """(first, last, why) of pictures in a row that share their fate, kept ones left out."""
        found = []
        for fate, members in groupby(range(len(self.fate)), self.fate.__getitem__):
            if fate != Fate.KEPT:
                places = list(members)
                found.append((self.number[places[0]], self.number[places[-1]], Fate(fate).name.lower()))
        return found

    def rows(self) -> int:
        """How many rows of neighbours the kept pictures make."""
        broken = {number for number, _ in self.breaks}
        rows, inside = 0, False
        for number, fate in zip(self.number, self.fate, strict=True):
            inside = inside and number not in broken
            if fate == Fate.KEPT and not inside:
                rows, inside = rows + 1, True
        return rows
