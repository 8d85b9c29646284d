"""Select the pictures of a recording that are worth training on, one after the other."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

from egodepth.config import MINIMUM_MOTION
from egodepth.data.footage.cuts import Duplicates, exposure_change, is_cut, sharpness
from egodepth.data.footage.measures import SHORTEST, Fate, Measures
from egodepth.data.footage.motion import Flow, block_flow, coarse, shows_something
from egodepth.data.footage.rotation import parallax
from egodepth.data.footage.settings import MOTION
from egodepth.data.footage.source import Picture
from egodepth.data.samples.static_frames import small_grey

STILL = 10 * MINIMUM_MOTION
"""Share of the width per second; slower images stand still. `MINIMUM_MOTION` holds for 10 frames a second."""
STILL_AFTER = 0.5
"""Seconds over which a standstill is measured. In less time, noise would look like motion."""
FINE = 640
"""Image width in pixels at which blur is measured; trainings use about this width."""
GAP = 10
"""Jump of the numbers at a break. It exceeds the neighbour offsets of any training."""


class Kept(NamedTuple):
    """A picture that is kept."""

    number: int
    """The new number; neighbours have consecutive ones."""
    picture: Picture


class Anchor(NamedTuple):
    """A picture to compare with."""

    grey: Float32[np.ndarray, "h w"]
    number: int
    seconds: float


class Selector:
    """Decide for each picture of a recording, in order, whether to keep it.

    A picture is kept when the image has moved by `motion` since the last kept one, so frames of slow footage have
    longer intervals. Cuts, standstills and unusable pictures leave a gap in the numbers.
    """

    def __init__(self, size: tuple[int, int], motion: float = MOTION) -> None:
        """Begin a recording of pictures of a size (height, width)."""
        self.measures = Measures()
        self._size, self._motion = size, motion
        self._duplicates = Duplicates()
        self._before: Anchor | None = None
        self._anchor: Anchor | None = None
        self._since: list[int] = []
        """Positions of the pictures after the anchor."""
        self._held: list[tuple[int, Kept]] = []
        """Positions and pictures of a run that may yet turn out too short."""
        self._next, self._run = 0, 0
        """Number at which the run begins, and number of its pictures."""

    def take(self, picture: Picture) -> list[Kept]:
        """Return the pictures to keep, now that this one is known: none, one, or the first ones of a run."""
        measures = self.measures
        measures.number.append(picture.number)
        measures.fate.append(Fate.NEAR)
        measures.seconds = picture.seconds
        if picture.image is None:
            return self._unusable(picture, Fate.UNREADABLE)
        if picture.image.shape[:2] != self._size:
            return self._unusable(picture, Fate.SIZE)
        fine = small_grey(picture.image, FINE)
        now = Anchor(coarse(fine), picture.number, picture.seconds)
        if not shows_something(now.grey):
            return self._unusable(picture, Fate.BLANK)
        measures.sharpness.append(sharpness(fine))
        before, self._before = self._before, now
        if before is not None and before.number + 1 != now.number:
            self._broken(picture.number, "gap", Fate.SHORT)
            before = None
        if before is None:
            return self._begin(picture, now)
        return self._compare(picture, before, now)

    def _unusable(self, picture: Picture, why: Fate) -> list[Kept]:
        """Drop the picture and begin a new run after it."""
        self.measures.fate[-1] = why
        self._broken(picture.number, why.name.lower(), Fate.SHORT)
        self._before = None
        return []

    def _compare(self, picture: Picture, before: Anchor, now: Anchor) -> list[Kept]:
        """Compare a picture with the ones before it."""
        anchor = self._anchor or before
        waited = now.seconds - anchor.seconds
        if self._duplicates.same(before.grey, now.grey):
            self.measures.fate[-1] = Fate.DUPLICATE
            if waited < STILL_AFTER:
                self._since.append(len(self.measures.fate) - 1)
                return []
            flow = block_flow(anchor.grey, now.grey)
        else:
            flow = block_flow(before.grey, now.grey)
            if is_cut(flow):
                self._broken(picture.number, "cut", Fate.SHORT)
                return self._begin(picture, now)
            self.measures.motion.append(flow.displacement())
            self.measures.exposure.append(exposure_change(before.grey, now.grey))
            if anchor.number != before.number:
                flow = block_flow(anchor.grey, now.grey)
        return self._decide(picture, now, flow, waited)

    def _decide(self, picture: Picture, now: Anchor, flow: Flow, waited: float) -> list[Kept]:
        """Keep the picture, wait for more motion, or detect a standstill."""
        far, least = flow.displacement(), flow.least
        if far >= self._motion and least >= MINIMUM_MOTION:
            if self._run:
                self.measures.spacing.append(far)
                self.measures.parallax.append(parallax(flow))
                self.measures.seconds_apart.append(waited)
            return self._keep(picture, now)
        self._since.append(len(self.measures.fate) - 1)
        if waited >= STILL_AFTER and (far < STILL * waited or least < MINIMUM_MOTION):
            for place in self._since:
                self.measures.fate[place] = Fate.STATIC
            self._broken(picture.number, "static", Fate.STATIC)
            self._anchor = now
            self._duplicates.forget()
        return []

    def _begin(self, picture: Picture, now: Anchor) -> list[Kept]:
        self._duplicates.forget()
        return self._keep(picture, now)

    def _keep(self, picture: Picture, now: Anchor) -> list[Kept]:
        """Give the picture its number, and return the pictures of the run if it is long enough."""
        self._anchor, self._since = now, []
        self._held.append((len(self.measures.fate) - 1, Kept(self._next + self._run, picture)))
        self._run += 1
        if self._run < SHORTEST:
            return []
        for place, _ in self._held:
            self.measures.fate[place] = Fate.KEPT
        kept = [one for _, one in self._held]
        self._held.clear()
        return kept

    def _broken(self, number: int, why: str, fate: Fate) -> None:
        """End the run. Its pictures are dropped if there are too few."""
        if not self.measures.breaks or self._run or self.measures.breaks[-1][1] != why:
            self.measures.breaks.append((number, why))
        for place, _ in self._held:
            self.measures.fate[place] = fate
        if self._run >= SHORTEST:
            self._next += self._run + GAP
        self._held.clear()
        self._anchor, self._since, self._run = None, [], 0

    def finish(self) -> Measures:
        """End the recording and return its measures."""
        for place, _ in self._held:
            self.measures.fate[place] = Fate.SHORT
        self._held.clear()
        return self.measures
