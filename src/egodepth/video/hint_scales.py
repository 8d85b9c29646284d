"""Adapt the depth of a clip to the clip's own hints: its scale frame by frame, its shape from place to place.

A network that learned from a clip for minutes knows the shapes of objects. The hints of a frame tell how near each
object is. So the smooth part of the difference between the two is corrected where there are hints. Edges, and places
without hints, keep the network's depth.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator
from functools import lru_cache
from math import ceil
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float32, Int64
from torchvision.transforms.v2.functional import gaussian_blur

from egodepth.geometry import sample
from egodepth.video.camera_path import RowTrajectory
from egodepth.video.clip_geometry import Geometry, log_ratio
from egodepth.video.depth_maps import FrameMaps, maps_path, seen_from
from egodepth.video.recording import Recording

_REACH = 1 / 160
"""Standard deviation of the smoothing, as a share of the width."""
_PRIOR = 0.05
"""Share of nearby pixels with hints at which the correction has half of its full size."""
_MOST = 0.7
"""Logarithm of the largest correction: larger differences, such as for an object that moves along, are clipped."""
_UNSURE = 0.3
"""Spread of log depth where there are no hints."""
_KEPT = 4
"""Number of cached corrections: frames are requested in order."""


class AroundHints(NamedTuple):
    """What the hints near each pixel say of the network's depth."""

    log: Float32[np.ndarray, "h w"]
    """Logarithm of the factor on inverse depth that follows the hints; 0 without hints nearby. It is the mean of
    log(hint / inverse depth) over nearby hints, weighted by a Gaussian."""
    spread: Float32[np.ndarray, "h w"]
    """Standard deviation of log(hint / inverse depth) around this mean; `_UNSURE` without hints nearby."""


def around_hints(inverse_depth: Float32[np.ndarray, "h w"], hint: Float32[np.ndarray, "h w"]) -> AroundHints:
    """Compare the network's inverse depth with nearby hints.

    Args:
        inverse_depth: inverse depth of the network.
        hint: inverse depth in the same unit; 0 where there is none.
    """
    known = (hint > 0).astype(np.float32)
    ratio = np.log(np.where(hint > 0, hint / inverse_depth, 1)).clip(-_MOST, _MOST).astype(np.float32)
    sigma = _REACH * hint.shape[1]
    maps = torch.from_numpy(np.stack([ratio * known, ratio**2 * known, known]))
    size = 2 * ceil(3 * sigma) + 1
    total, squares, weight = gaussian_blur(gaussian_blur(maps, [size, 1], sigma), [1, size], sigma)
    scatter = (squares - total**2 / weight.clamp(min=1e-6)).clamp(min=0)
    spread = ((scatter + _PRIOR * _UNSURE**2) / (weight + _PRIOR)).sqrt()
    return AroundHints((total / (weight + _PRIOR)).numpy(), spread.numpy())


class _Anchor(NamedTuple):
    """An extracted frame: its position, and its scale."""

    place: int
    """Position among all frames."""
    seconds: float
    number: int
    unit: float
    """Unit of depth, over that of its hints; NaN without hints."""
    log: float
    """Logarithm of the factor that brings its depth to the scale of its hints; NaN without hints."""


class HintScales:
    """Corrections that adapt the depth of each frame of a recording to the hints of the extracted frames around it."""

    def __init__(
        self,
        recording: Recording,
        geometry: Geometry,
        maps: Path,
        rows: Int64[np.ndarray, " n"],
        trajectories: list[RowTrajectory],
        place_of: Callable[[float], int],
    ) -> None:
        """Measure the scales of the extracted frames.

        Args:
            recording: the recording.
            geometry: its hints.
            maps: folder of the frames' maps.
            rows: the row of every frame, -1 for none.
            trajectories: the trajectories of the rows.
            place_of: returns the frame that is shown at a time.
        """
        self._geometry, self._maps, self._trajectories = geometry, maps, trajectories
        self._poses = [trajectory.poses() for trajectory in trajectories]
        self._camera = recording.drive.camera
        self.scale_logs = np.zeros(len(rows))
        """Logarithm of each frame's factor of depth, interpolated between extracted frames with hints; 0 in a row
        without hints."""
        self._anchors: list[list[_Anchor]] = []
        for row, (frames, trajectory) in enumerate(zip(recording.rows, trajectories, strict=True)):
            anchors = [
                self._anchor(place_of(seconds), seconds, number, unit)
                for number, seconds, unit in zip(frames.numbers, frames.seconds.tolist(), trajectory.units, strict=True)
            ]
            self._anchors.append(anchors)
            known = [anchor for anchor in anchors if np.isfinite(anchor.log)]
            if known:
                own, logs = np.flatnonzero(rows == row), [anchor.log for anchor in known]
                self.scale_logs[own] = np.interp(own, [anchor.place for anchor in known], logs)
        self._around_hints_of = lru_cache(_KEPT)(self._made_around_hints_of)

    def after_hints(self, place: int, maps: FrameMaps) -> FrameMaps:
        """Return a frame in the common scale with its depth corrected from place to place.

        The corrections of the extracted frames before and after it are warped to the frame and blended by time.
        """
        logs = np.zeros_like(maps.inverse_depth)
        for share, anchor in self._around(place, maps.row):
            logs += np.float32(share) * self._seen(anchor, place, maps).log
        return maps._replace(inverse_depth=maps.inverse_depth * np.exp(logs))

    def spread(self, place: int, maps: FrameMaps) -> Float32[np.ndarray, "h w"]:
        """Return `AroundHints.spread` of a frame in the common scale, blended like its correction."""
        seen = [(share, self._seen(anchor, place, maps).spread) for share, anchor in self._around(place, maps.row)]
        total = sum((np.float32(share) * spread for share, spread in seen), np.zeros_like(maps.inverse_depth))
        return total if seen else np.full_like(total, _UNSURE)

    def _around(self, place: int, row: int) -> Iterator[tuple[float, _Anchor]]:
        """Yield the extracted frames around a frame, and the share of each."""
        anchors = self._anchors[row] if row >= 0 else []
        if not anchors:
            return
        after = min(bisect_left(anchors, place, key=lambda anchor: anchor.place), len(anchors) - 1)
        before = max(after - 1, 0)
        begin, end = anchors[before].place, anchors[after].place
        share = min(max((place - begin) / max(end - begin, 1), 0.0), 1.0)
        yield from ((part, anchors[index]) for part, index in ((1 - share, before), (share, after)) if part > 0)

    def _seen(self, anchor: _Anchor, place: int, maps: FrameMaps) -> AroundHints:
        """Return what the hints of an extracted frame say, warped to another frame; outside of its view, nothing.

        A point that is hidden in the extracted frame gets the correction of the object that hides it.
        """
        around = self._around_hints_of(anchor)
        if anchor.place == place:
            return around
        motion = self._trajectories[maps.row].between(maps.seconds, anchor.seconds, self._poses[maps.row])
        uv, _, inside = seen_from(1 / torch.from_numpy(maps.inverse_depth)[None], motion, self._camera)
        log, spread = sample(torch.from_numpy(np.stack(around))[None], uv)[0]
        return AroundHints((log * inside).numpy(), spread.where(inside, _UNSURE).numpy())

    def _anchor(self, place: int, seconds: float, number: int, unit: float) -> _Anchor:
        if not np.isfinite(unit):
            return _Anchor(place, seconds, number, unit, np.nan)
        inverse_depth = FrameMaps.read(maps_path(self._maps, place)).inverse_depth
        log = np.log(unit) - log_ratio(self._geometry.inverse_depth(number), inverse_depth)
        return _Anchor(place, seconds, number, unit, float(log))

    def _made_around_hints_of(self, anchor: _Anchor) -> AroundHints:
        """Return what the hints of an extracted frame say of its own depth."""
        inverse_depth = FrameMaps.read(maps_path(self._maps, anchor.place)).inverse_depth
        if not np.isfinite(anchor.log):
            return AroundHints(np.zeros_like(inverse_depth), np.full_like(inverse_depth, _UNSURE))
        hint = self._geometry.inverse_depth(anchor.number)
        return around_hints(inverse_depth / np.float32(np.exp(anchor.log)), hint / np.float32(anchor.unit))
