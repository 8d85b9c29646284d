"""Measure hints against true depth, and against held-out points of structure from motion."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Float64, Int64

from egodepth.data.drive import Drive
from egodepth.data.media.frame_numbers import spread_places
from egodepth.data.opening import thinned
from egodepth.geometry import Camera
from egodepth.sfm.clip_map import ClipMap

TRUTH, POINTS = "true depth", "points held out"
"""References that hints are compared with."""
OFF = 0.1
"""Relative errors of depth above this count as off."""
BANDS_M = (10.0, 30.0)
"""Depths in metres at which near ends and far begins. For points, whose unit is unknown, each band is a third."""
MOST_FRAMES, MOST_PLACES = 200, 4096
"""Most frames of a drive, and most places of a frame, evenly spaced: more add nothing."""

ReadHint = Callable[[int], Float32[np.ndarray, "H W"] | None]
"""Returns the hint of a frame number: inverse depth, 0 where there is none; None for a frame without a hint."""


class Compared(NamedTuple):
    """Hint and reference at places of one frame."""

    uv: Float64[np.ndarray, "n 2"]
    """Normalised positions of the places."""
    hint: Float64[np.ndarray, " n"]
    """Inverse depth, 0 without a hint."""
    truth: Float64[np.ndarray, " n"]
    """Inverse depth, positive."""

    def errors(self, factor: float) -> Float64[np.ndarray, " n"]:
        """Return the relative errors of the hints' depth times a factor; NaN without a hint."""
        has = self.hint > 0
        return np.where(has, np.abs(factor * self.truth / np.where(has, self.hint, 1) - 1), np.nan)


@dataclass(frozen=True, kw_only=True)
class Band:
    """The hints at places of one range of depth."""

    name: str
    places: int
    """Number of places with a reference."""
    hinted: float
    """Share of these places with a hint."""
    mean: float
    """Relative error of depth. NaN without a hint, also in the following fields."""
    median: float
    off: float
    """Share of the hints with an error above a tenth."""


@dataclass(frozen=True, kw_only=True)
class HintQuality:
    """Quality of a drive's hints against one kind of reference."""

    against: str
    frames: int
    """Number of compared frames."""
    kept: float
    """Share of all pixels with a hint."""
    factors: dict[int, float] = field(default_factory=dict)
    """Factor on the hints' depth by part of the map; 1 if hints and reference are in metres."""
    bands: tuple[Band, ...]
    """All places, then near, middle and far."""


def measure_hints(
    read_hint: ReadHint, frames: Sequence[int], drive: Drive, clip_map: ClipMap | None = None, metric: bool = False
) -> list[HintQuality]:
    """Return the quality of the hints against each available reference: true depth first.

    Units differ. So the hints of each part of the map are multiplied by one factor to the unit of the reference, the
    median ratio over all its frames. Errors of single frames still count.

    Args:
        read_hint: returns the hint of a frame.
        frames: numbers of the frames that may have a hint.
        drive: the drive of the frames.
        clip_map: the recording's points, some of them held out.
        metric: the hints are in metres, so true depth needs no factor.
    """
    found: dict[str, list[tuple[int, Compared]]] = {TRUTH: [], POINTS: []}
    kept = []
    for frame in thinned(frames, MOST_FRAMES):
        hint = read_hint(frame)
        if hint is None:
            continue
        kept.append(float((hint > 0).mean()))
        for against, compared in comparisons(hint, frame, drive, clip_map).items():
            found[against].append((part_of(frame, clip_map), compared))
    return [
        _quality(against, pairs, float(np.mean(kept)), metric and against == TRUTH)
        for against, pairs in found.items()
        if pairs
    ]


def comparisons(
    hint: Float32[np.ndarray, "H W"], frame: int, drive: Drive, clip_map: ClipMap | None
) -> dict[str, Compared]:
    """Return a frame's hint beside each available reference."""
    found = {}
    if drive.has_depth(frame):
        found[TRUTH] = against_depth(hint, drive.read_depth(frame))
    position = clip_map.find(frame) if clip_map else None
    if clip_map and position is not None and clip_map.registered[position]:
        found[POINTS] = against_points(hint, clip_map, position, drive.camera)
    return found


def against_depth(hint: Float32[np.ndarray, "H W"], depth: Float32[np.ndarray, "h w"]) -> Compared:
    """Return the hint beside true depth of any size (0: unknown), at up to `MOST_PLACES` of its pixels."""
    known = np.flatnonzero(depth > 0)
    known = known[spread_places(len(known), MOST_PLACES)]
    row, column = np.unravel_index(known, depth.shape)
    uv = np.stack([(column + 0.5) / depth.shape[1], (row + 0.5) / depth.shape[0]], 1)
    return Compared(uv, _at(hint, uv), 1 / depth[row, column].astype(np.float64))


def against_points(hint: Float32[np.ndarray, "H W"], clip_map: ClipMap, position: int, camera: Camera) -> Compared:
    """Return the hint beside the held-out points that the frame at a position of the map observes."""
    number, uv, depth = clip_map.image_points(position, camera)
    judges = clip_map.held_out[number] & ((uv >= 0) & (uv < 1)).all(1)
    return Compared(uv[judges], _at(hint, uv[judges]), 1 / depth[judges])


def part_of(frame: int, clip_map: ClipMap | None) -> int:
    """Return the part of the map that a frame belongs to; 0 without a map."""
    position = clip_map.find(frame) if clip_map else None
    return int(clip_map.part[position]) if clip_map and position is not None else 0


def _at(hint: Float32[np.ndarray, "H W"], uv: Float64[np.ndarray, "n 2"]) -> Float64[np.ndarray, " n"]:
    column, row = (uv * hint.shape[::-1]).astype(np.int64).T
    return hint[row, column].astype(np.float64)


def _quality(against: str, pairs: list[tuple[int, Compared]], kept: float, metric: bool) -> HintQuality:
    by_part: dict[int, list[Compared]] = defaultdict(list)
    for part, compared in pairs:
        by_part[part].append(compared)
    joined = {part: Compared(*map(np.concatenate, zip(*some, strict=True))) for part, some in sorted(by_part.items())}
    factors = {part: 1.0 if metric else _factor(compared) for part, compared in joined.items()}
    errors = np.concatenate([compared.errors(factors[part]) for part, compared in joined.items()])
    band = np.concatenate([_bands(1 / compared.truth, against) for compared in joined.values()])
    names = _band_names(against)
    bands = [_band("all", errors), *(_band(name, errors[band == place]) for place, name in enumerate(names))]
    return HintQuality(against=against, frames=len(pairs), kept=kept, factors=factors, bands=tuple(bands))


def _factor(compared: Compared) -> float:
    """Return the factor that brings hints to the unit of the reference; 1 without hints."""
    has = compared.hint > 0
    return float(np.median(compared.hint[has] / compared.truth[has])) if has.any() else 1.0


def _bands(depth: Float64[np.ndarray, " n"], against: str) -> Int64[np.ndarray, " n"]:
    limits = BANDS_M if against == TRUTH or not len(depth) else np.quantile(depth, (1 / 3, 2 / 3))
    return np.searchsorted(limits, depth)


def _band_names(against: str) -> tuple[str, ...]:
    near, far = BANDS_M
    return (f"to {near:g} m", f"to {far:g} m", "farther") if against == TRUTH else ("near", "middle", "far")


def _band(name: str, errors: Float64[np.ndarray, " n"]) -> Band:
    has = errors[np.isfinite(errors)]
    mean, median, off = (has.mean(), np.median(has), (has > OFF).mean()) if len(has) else (np.nan,) * 3
    hinted = len(has) / len(errors) if len(errors) else 0.0
    return Band(name=name, places=len(errors), hinted=hinted, mean=float(mean), median=float(median), off=float(off))
