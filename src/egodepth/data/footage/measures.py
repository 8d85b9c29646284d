"""The measures of a recording, and the fate of each of its pictures."""

from array import array
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import groupby

SHORTEST = 3
"""Least number of consecutive frames for training: one frame and its two neighbours."""


class Fate(IntEnum):
    """The decision on a picture, and its reason."""

    KEPT = 0
    NEAR = 1
    """Too little motion since the last kept picture."""
    DUPLICATE = 2
    STATIC = 3
    SHORT = 4
    """Usable, but in a run of fewer than `SHORTEST` pictures."""
    BLANK = 5
    """Without texture: black, or out of focus."""
    SIZE = 6
    """The size differs from the first picture's."""
    UNREADABLE = 7


@dataclass
class Measures:
    """All measures of a recording, in a few bytes per frame."""

    number: array = field(default_factory=lambda: array("q"))
    """Number of each picture."""
    fate: bytearray = field(default_factory=bytearray)
    """Fate of each picture."""
    sharpness: array = field(default_factory=lambda: array("f"))
    """Sharpness of each usable picture."""
    motion: array = field(default_factory=lambda: array("f"))
    """Motion from each picture to the next different one; infinite if it cannot be measured."""
    exposure: array = field(default_factory=lambda: array("f"))
    """Change of exposure over the same pairs, in doublings."""
    spacing: array = field(default_factory=lambda: array("f"))
    """Motion from each kept picture to the next."""
    parallax: array = field(default_factory=lambda: array("f"))
    """Part of that motion that no rotation of the camera explains."""
    seconds_apart: array = field(default_factory=lambda: array("f"))
    """Time from each kept picture to the next."""
    breaks: list[tuple[int, str]] = field(default_factory=list)
    """Pictures at which a new run begins, and the reason."""
    seconds: float = 0.0
    """Time of the last picture."""

    def count(self, *fates: Fate) -> int:
        """Return the number of pictures with one of these fates."""
        return sum(self.fate.count(fate) for fate in fates)

    def runs(self) -> list[tuple[int, int, str]]:
        """Return (first, last, reason) for each range of dropped pictures with the same fate."""
        found = []
        for fate, members in groupby(range(len(self.fate)), self.fate.__getitem__):
            if fate != Fate.KEPT:
                places = list(members)
                found.append((self.number[places[0]], self.number[places[-1]], Fate(fate).name.lower()))
        return found

    def rows(self) -> int:
        """Return the number of runs of neighbours among the kept pictures."""
        broken = {number for number, _ in self.breaks}
        rows, inside = 0, False
        for number, fate in zip(self.number, self.fate, strict=True):
            inside = inside and number not in broken
            if fate == Fate.KEPT and not inside:
                rows, inside = rows + 1, True
        return rows
