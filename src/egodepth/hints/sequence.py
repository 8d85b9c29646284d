"""Hints of every frame of a recording, one after the other, in bounded memory."""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch import Tensor

from egodepth.geometry import Camera
from egodepth.hints.consistency import Witness, agreement
from egodepth.hints.settings import SweepSettings
from egodepth.hints.sweep import SweepSource, plane_sweep
from egodepth.sfm.clip_map import ClipMap

Read = Callable[[int], UInt8[np.ndarray, "h w 3"]]
_KEPT = 32
"""Number of cached images and sweeps, more than lie between the farthest neighbours of an evenly moving camera."""
_ABOUT = 0.9
"""Share of the requested distance at which a neighbour is far enough."""


def hint_maps(
    clip_map: ClipMap,
    camera: Camera,
    size: tuple[int, int],
    read: Read,
    settings: SweepSettings,
    skip: int = 0,
    on_done: Callable[[int], None] = lambda position: None,
) -> Iterator[tuple[int, Float32[np.ndarray, "h w"]]]:
    """Yield the position in the map, and inverse depth in the unit of the frame's part; 0 without a hint.

    A frame without a registered pose, or without neighbours to compare with, has an empty map.

    Args:
        clip_map: the poses of the recording.
        camera: the one camera of all frames, batched or not.
        size: (height, width) of the maps.
        read: returns the image of a frame number, of that size.
        settings: the settings of the sweep.
        skip: number of leading positions to leave out; the other maps do not change.
        on_done: callback with each position whose map is finished.
    """
    frames = _Frames(clip_map, camera, size, read, settings)
    for position in range(skip, len(clip_map.frames)):
        yield position, frames.hints(position).numpy()
        on_done(position)


def steps_of_parts(clip_map: ClipMap) -> dict[int, float]:
    """Return the median distance between consecutive frames by part; 0 where nothing moves."""
    steps: dict[int, float] = {}
    for part in np.unique(clip_map.part[clip_map.registered]).tolist():
        own = clip_map.registered & (clip_map.part == part)
        lengths = np.linalg.norm(np.diff(clip_map.world_from_camera[own, :3, 3], axis=0), axis=1)
        lengths = lengths / np.diff(clip_map.frames[own])
        steps[part] = float(np.median(lengths)) if len(lengths) else 0.0
    return steps


def neighbours(clip_map: ClipMap, position: int, step: float, offsets: Sequence[int]) -> list[int]:
    """Return registered frames of the same part at about these distances in steps, before and after.

    The distance decides, not the time, so that slow passages have baselines, too. Frames beyond a gap do not count.
    """
    if not clip_map.registered[position] or step == 0:
        return []
    own = np.flatnonzero(clip_map.registered & (clip_map.part == clip_map.part[position]))
    found = set()
    for side in (own[own > position], own[own < position][::-1]):
        places = clip_map.world_from_camera[side, :3, 3]
        away = np.linalg.norm(places - clip_map.world_from_camera[position, :3, 3], axis=1) / step
        for offset in offsets:
            reached = np.flatnonzero(away >= _ABOUT * offset)
            if len(reached) and away[reached[0]] <= 2 * offset:
                found.add(int(side[reached[0]]))
    return sorted(found)


def image_tensor(pixels: UInt8[np.ndarray, "h w 3"]) -> Float32[Tensor, "3 h w"]:
    """Return colours in [0, 1]."""
    return (torch.from_numpy(np.array(pixels)).permute(2, 0, 1).float() / 255).contiguous()


class _Frames:
    """Frames of a recording with a cache of the last images and sweeps, which neighbours share."""

    def __init__(
        self, clip_map: ClipMap, camera: Camera, size: tuple[int, int], read: Read, settings: SweepSettings
    ) -> None:
        self.map, self.camera, self.size, self.read, self.settings = clip_map, camera, size, read, settings
        self.steps = steps_of_parts(clip_map)
        self._image, self._swept = lru_cache(_KEPT)(self._load), lru_cache(_KEPT)(self._sweep)

    def hints(self, position: int) -> Float32[Tensor, "h w"]:
        """Return the consistent inverse depth of a frame."""
        own = self._swept(position)
        others = [Witness(self._swept(other), self._pose(other, position)) for other in self.neighbours(position)]
        return torch.where(agreement(own, others, self.camera, self.settings), own, 0)

    def neighbours(self, position: int) -> list[int]:
        """Return the neighbours at the distances of the settings."""
        step = self.steps.get(int(self.map.part[position]), 0.0)
        return neighbours(self.map, position, step, self.settings.offsets)

    def _sweep(self, position: int) -> Float32[Tensor, "h w"]:
        neighbours = self.neighbours(position)
        if not neighbours:
            return torch.zeros(self.size)
        sources = [SweepSource(self._image(p), self._pose(p, position), p < position) for p in neighbours]
        planes = self.settings.inverse_depths(self.steps[int(self.map.part[position])])
        return plane_sweep(self._image(position), self.camera, sources, planes, self.settings).inverse_depth

    def _pose(self, source: int, target: int) -> Float32[Tensor, "4 4"]:
        poses = self.map.world_from_camera
        return torch.from_numpy(np.linalg.inv(poses[source]) @ poses[target]).float()

    def _load(self, position: int) -> Float32[Tensor, "3 h w"]:
        return image_tensor(self.read(int(self.map.frames[position])))
