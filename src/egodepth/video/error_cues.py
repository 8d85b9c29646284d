"""Cues from which the error of a pixel's depth is estimated.

All are at the network's size. Lengths in the image are shares of its width, so that they do not depend on this size.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Float32, Int64
from torch import Tensor
from torch.nn.functional import avg_pool2d, max_pool2d

from egodepth.geometry import Camera, sample, viewing_rays
from egodepth.video.depth_maps import FrameMaps, seen_from
from egodepth.video.hint_scales import HintScales

DIRECTIONS = {
    "mirror": 1,
    "unexplained": 1,
    "slope": 1,
    "inconsistency": 1,
    "parallax": -1,
    "correction": 1,
    "hint_spread": 1,
}
"""The cues: 1 where a larger value is a larger error, -1 where it is a smaller one.

- mirror: |log| of the ratio of the depths of the image and of its mirror image.
- unexplained: share of the change between frames that depth and motion leave unexplained.
- slope: largest change of log depth nearby, for a step of one percent of the width.
- inconsistency: |log| of the ratio of the neighbouring frames' depth to the one that this frame and the motion predict.
- parallax: shift by the camera's translation between the neighbouring frames, in percent of the width.
- correction: |log| of the correction by hints.
- hint_spread: spread of log(hint / network's depth) nearby; a constant without hints.
"""
HINT_CUES = {"correction", "hint_spread"}
"""The cues that only depth with hints has."""
TEXTURE = 0.02
"""Least unwarped error at which a place can distinguish right from wrong depth: a good match has this error, too."""
_WINDOW = 5
_SIGNED = ("inconsistency", "correction")
"""Sizes of differences with a sign: where it changes they are small by chance, so the mean over the window counts."""

Cues = dict[str, Float[np.ndarray, "*shape"]]
"""Maps, or chosen pixels, by the names of `DIRECTIONS`; +-inf, the worst value, in a frame that nothing is known of."""


class Shown(NamedTuple):
    """A frame in the clip's scale, before and after the correction by hints."""

    network: FrameMaps
    corrected: FrameMaps
    hint_spread: Float32[np.ndarray, "h w"] | None


@dataclass(frozen=True)
class ClipCues:
    """The cues of all frames of a clip. Frames are best requested in order."""

    network_frame: Callable[[int], FrameMaps]
    """Returns the maps of a frame in the clip's scale, with the network's depth alone."""
    hints: HintScales | None
    """Corrects them; None without hints. Then there are no `correction` and `hint_spread`."""
    motion: Callable[[int, int], Float[Tensor, "4 4"]]
    """Returns there_from_here for two frames of one row, in the scale of the depth."""
    rows: Int64[np.ndarray, " n"]
    """The row of every frame, -1 for none."""
    camera: Camera
    reach: int
    """Offset in frames to the two frames that a frame is compared with."""

    def of(self, place: int) -> Cues:
        """Return the cues of a frame."""
        shown = self.shown(place)
        maps = shown.corrected
        inconsistency, parallax = self._against_neighbours(place, maps.inverse_depth)
        cues = {
            "mirror": maps.disagreement.astype(np.float32),
            "unexplained": 1 - explained_share(maps),
            "slope": _slope(maps.inverse_depth),
            "inconsistency": inconsistency,
            "parallax": parallax,
        }
        if shown.hint_spread is not None:
            cues["correction"] = np.abs(np.log(maps.inverse_depth / shown.network.inverse_depth))
            cues["hint_spread"] = shown.hint_spread
        filled = {name: _filled(cue, DIRECTIONS[name]) for name, cue in cues.items()}
        return {name: _mean(cue) if name in _SIGNED else cue for name, cue in filled.items()}

    def _against_neighbours(
        self, place: int, inverse_depth: Float32[np.ndarray, "h w"]
    ) -> tuple[Float32[np.ndarray, "h w"], Float32[np.ndarray, "h w"]]:
        """Return `inconsistency` and `parallax`, the mean and the larger one of two neighbours; NaN where none sees."""
        beside = [other for other in (place - self.reach, place + self.reach) if 0 <= other < len(self.rows)]
        beside = [other for other in beside if self.rows[other] == self.rows[place] >= 0]
        depth = 1 / torch.from_numpy(inverse_depth)[None]
        total, count, largest = (torch.zeros_like(depth[0]) for _ in range(3))
        for other in beside:
            motion = self.motion(place, other)
            uv, expected, inside = seen_from(depth, motion, self.camera)
            there = torch.from_numpy(self.shown(other).corrected.inverse_depth)
            ratio = (sample(there[None, None], uv)[0, 0] * expected[0]).clamp(min=1e-6).log().abs()
            total += ratio.where(inside, 0)
            count += inside
            largest = torch.where(inside, torch.maximum(largest, _parallax(depth[0], motion, self.camera)), largest)
        return (total / count).numpy(), largest.where(count > 0, torch.nan).numpy()

    def _made(self, place: int) -> Shown:
        network = self.network_frame(place)
        if self.hints is None:
            return Shown(network, network, None)
        return Shown(network, self.hints.after_hints(place, network), self.hints.spread(place, network))

    @cached_property
    def shown(self) -> Callable[[int], Shown]:
        """Returns a frame. The last ones are kept, so that neighbours are not read again."""
        return lru_cache(2 * self.reach + 2)(self._made)


def _parallax(depth: Float[Tensor, "h w"], motion: Float[Tensor, "4 4"], camera: Camera) -> Float[Tensor, "h w"]:
    """Return `parallax` between two frames: exact if the camera does not turn, and close if it turns little."""
    x, y, z = motion[:3, 3].tolist()
    batched = Camera(camera.focal[None], camera.centre[None])
    ray = viewing_rays(batched, (depth.shape[0], depth.shape[1]))[0]
    across, down = camera.focal[0] * (x - ray[0] * z), camera.focal[1] * (y - ray[1] * z)
    shift = torch.hypot(across, down * (depth.shape[0] / depth.shape[1]))
    return 100 * shift / (depth + z).clamp(min=1e-6)


def explained_share(maps: FrameMaps) -> Float32[np.ndarray, "h w"]:
    """Return 1 - residual / unwarped error over 5x5 pixels; NaN where no neighbour sees them, or nothing changes."""
    seen = np.isfinite(maps.residual) & np.isfinite(maps.unwarped)
    left = _summed(np.where(seen, maps.residual, 0))
    there = _summed(np.where(seen, maps.unwarped, 0))
    telling = there > TEXTURE * _summed(seen.astype(np.float32))
    return np.where(telling & seen, 1 - left / np.maximum(there, 1e-6), np.nan).astype(np.float32)


def _summed(values: Float[np.ndarray, "h w"]) -> Float32[np.ndarray, "h w"]:
    """Return the sum over the window around each pixel, as far as it is inside the image."""
    whole = torch.from_numpy(values.astype(np.float32))[None, None]
    return _WINDOW**2 * avg_pool2d(whole, _WINDOW, 1, _WINDOW // 2)[0, 0].numpy()


def _mean(cue: Float32[np.ndarray, "h w"]) -> Float32[np.ndarray, "h w"]:
    """Return the mean over the window around each pixel."""
    whole = torch.from_numpy(cue)[None]
    return avg_pool2d(whole, _WINDOW, 1, _WINDOW // 2, count_include_pad=False)[0].numpy()


def _slope(inverse_depth: Float32[np.ndarray, "h w"]) -> Float32[np.ndarray, "h w"]:
    """Return the largest slope of log depth along rows and columns in the window around each pixel."""
    logs = np.log(inverse_depth)
    steepest = np.zeros_like(logs)
    steepest[:, 1:-1] = np.abs(logs[:, 2:] - logs[:, :-2])
    steepest[1:-1] = np.maximum(steepest[1:-1], np.abs(logs[2:] - logs[:-2]))
    rows = max_pool2d(torch.from_numpy(steepest)[None], (_WINDOW, 1), 1, (_WINDOW // 2, 0))
    widest = max_pool2d(rows, (1, _WINDOW), 1, (0, _WINDOW // 2))[0]
    return widest.numpy() * np.float32(0.5 * logs.shape[1] / 100)


def _filled(cue: Float32[np.ndarray, "h w"], direction: int) -> Float32[np.ndarray, "h w"]:
    """Return a cue with the frame's typical value where it is unknown; the worst value if it is unknown everywhere."""
    known = np.isfinite(cue)
    if known.all():
        return cue
    typical = np.median(cue[known]) if known.any() else direction * np.inf
    return np.where(known, cue, np.float32(typical))
