"""Summary of the measures of a recording, in numbers and in words."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from egodepth.config import MINIMUM_MOTION
from egodepth.data.footage.cuts import EXPOSURE_JUMP
from egodepth.data.footage.measures import SHORTEST, Fate, Measures
from egodepth.data.footage.motion import MATCHED

TURN = 0.3
"""A frame counts as rotation only if its parallax is at most this share of the motion. Measured: a pure rotation leaves
2 to 7 %, a drive 85 % and more."""
BLUR = 0.35
"""A frame is blurred if its sharpness is below this share of the clip's median."""
FEW = 200
"""Fewer frames than this are too few for a good model."""


@dataclass(frozen=True)
class Spread:
    """Distribution of values: 10 % are below `low`, half below `middle`, 10 % above `high`."""

    low: float
    middle: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float], digits: int = 5) -> "Spread | None":
        """Return the distribution of the finite values; None without any."""
        known = np.asarray(values, np.float64)
        known = known[np.isfinite(known)]
        return cls(*(round(float(v), digits) for v in np.quantile(known, (0.1, 0.5, 0.9)))) if len(known) else None


@dataclass(frozen=True)
class FootageSummary:
    """Content of a recording. Shares refer to all frames unless stated."""

    frames: int
    seconds: float
    motion: Spread | None
    """Median displacement between two pictures, share of the width, without duplicates."""
    lost: float
    """Share of these pairs in which the motion cannot be measured."""
    static: float
    duplicated: float
    turned_only: float
    """Share of kept frames before which the camera only rotated."""
    parallax: Spread | None
    """Motion between kept frames that no rotation explains, share of the width."""
    cuts: list[int]
    """Frames at which a new scene begins, the first 100."""
    cut_count: int
    gaps: int
    """Number of jumps in the numbers of the file names between usable pictures."""
    exposure_jumps: int
    blurred: float
    other_sizes: int
    blank: int
    unreadable: int
    kept: int
    """Number of frames that `egodepth data extract` would keep."""
    runs: int
    """Number of runs of neighbours among them."""
    spacing: Spread | None
    """Motion between kept frames, share of the width."""
    seconds_apart: Spread | None
    ended: str | None
    """Reason for an early end."""

    @classmethod
    def of(cls, measures: Measures, ended: str | None = None) -> "FootageSummary":
        """Return the summary of the measures."""
        frames = len(measures.fate)
        motion, turned = np.asarray(measures.motion), np.asarray(measures.parallax)
        spacing, sharp = np.asarray(measures.spacing), np.asarray(measures.sharpness)
        cuts = [number for number, why in measures.breaks if why == "cut"]
        known = np.isfinite(spacing)
        return cls(
            frames=frames,
            seconds=round(measures.seconds, 3),
            motion=Spread.of(measures.motion),
            lost=_share(~np.isfinite(motion)),
            static=round(measures.count(Fate.STATIC) / max(frames, 1), 4),
            duplicated=round(measures.count(Fate.DUPLICATE) / max(frames, 1), 4),
            turned_only=_share(turned[known] < TURN * spacing[known]),
            parallax=Spread.of(measures.parallax),
            cuts=cuts[:100],
            cut_count=len(cuts),
            gaps=sum(why == "gap" for _, why in measures.breaks),
            exposure_jumps=int((np.abs(np.asarray(measures.exposure)) > EXPOSURE_JUMP).sum()),
            blurred=_share(sharp < BLUR * np.median(sharp)) if len(sharp) else 0.0,
            other_sizes=measures.count(Fate.SIZE),
            blank=measures.count(Fate.BLANK),
            unreadable=measures.count(Fate.UNREADABLE),
            kept=measures.count(Fate.KEPT),
            runs=measures.rows(),
            spacing=Spread.of(measures.spacing),
            seconds_apart=Spread.of(measures.seconds_apart, 4),
            ended=ended,
        )


def verdict(summary: FootageSummary) -> list[str]:
    """Return the conclusions and what to do, as sentences, the most important first."""
    return [_usable(summary), *_flaws(summary)]


def obstacle(summary: FootageSummary) -> str | None:
    """Return the reason that nothing can be learned, and what to do; None if training is possible."""
    s = summary
    if s.frames < SHORTEST:
        return f"Only {s.frames} frame{'s' * (s.frames != 1)}: nothing to compare. Record a video while moving."
    stands = s.motion is not None and s.motion.high < MINIMUM_MOTION
    if s.static > 0.9 or (s.kept == 0 and (s.static > 0.5 or stands)):
        return "The camera stands still: no parallax, nothing to learn depth from. Record while moving."
    if s.kept == 0 and s.gaps > s.frames / 4:
        return (
            f"The numbers in the file names have gaps, {s.gaps} in {s.frames} frames, and no three frames in a row are "
            "left: nothing to train on. Copy the missing frames, or rename frames that follow one another: 1, 2, 3."
        )
    if s.kept == 0:
        return "No three frames in a row move enough and can be followed: nothing to train on. Record longer."
    if s.turned_only > 0.8:
        return "The camera turns but does not move: no parallax, nothing to learn depth from. Walk or drive with it."
    return None


def _usable(s: FootageSummary) -> str:
    """Return whether the recording can be trained on."""
    if why := obstacle(s):
        return why
    said = f"Can be trained on: {s.kept} of {s.frames} frames, in {s.runs} row{'s' * (s.runs != 1)}"
    few = ", but these are few: a model would only memorise one scene; record some minutes" if s.kept < FEW else ""
    return f"{said}{few}."


def _flaws(s: FootageSummary) -> list[str]:
    """Return the flaws of parts of the recording."""
    flaws = (
        (0.1 < s.static <= 0.9, f"{s.static:.0%} is a standstill; extracting leaves it out."),
        (s.duplicated > 0.02, f"{s.duplicated:.0%} are duplicate pictures; extracting leaves them out."),
        (
            0.2 < s.turned_only <= 0.8,
            f"Before {s.turned_only:.0%} of the kept frames the camera only turned: they teach nothing about depth.",
        ),
        (s.cut_count > 0, f"{_times(s.cut_count, 'cut')}, at {_list(s.cuts)}; extracting leaves a gap there."),
        (s.gaps > 0 and s.kept > 0, f"{_times(s.gaps, 'gap')} in the numbers of the file names: no neighbours there."),
        (
            s.lost > 0.1 and s.static <= 0.9,
            f"In {s.lost:.0%} of the pairs less than {MATCHED:.0%} of the image can be followed: too fast, too dark or "
            "too blurred; use all frames of the recording, move slower, or give more light.",
        ),
        (
            s.exposure_jumps > 0.02 * s.frames,
            f"{_times(s.exposure_jumps, 'jump')} of the brightness by more than 15 %: lock the camera's exposure.",
        ),
        (
            s.blurred > 0.05,
            f"{s.blurred:.0%} are blurred compared with the others: fix the camera, or give more light.",
        ),
        (s.other_sizes > 0, f"{_times(s.other_sizes, 'frame')} of another size: extracting leaves them out."),
        (s.blank > 0, f"{_times(s.blank, 'frame')} without visible content."),
        (s.unreadable > 0, f"{_times(s.unreadable, 'frame')} cannot be read: copy them again."),
        (s.ended is not None, f"{s.ended}."),
    )
    return [text for holds, text in flaws if holds]


def _share(which: np.ndarray) -> float:
    return round(float(which.mean()), 4) if len(which) else 0.0


def _times(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"


def _list(numbers: list[int]) -> str:
    shown = ", ".join(map(str, numbers[:6]))
    return f"frame{'s' * (len(numbers) != 1)} {shown}{' ...' if len(numbers) > 6 else ''}"
