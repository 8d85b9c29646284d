"""Hints of every frame of a recording, one after the other, in memory that does not grow with its length."""

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
"""Images and sweeps kept; more than lie between the farthest neighbours of a camera that moves evenly."""
_ABOUT = 0.9
"""A neighbour is far enough away at this share of the distance wanted."""


def hint_maps(
    clip_map: ClipMap,
    camera: Camera,
    size: tuple[int, int],
    read: Read,
    settings: SweepSettings,
    skip: int = 0,
    told: Callable[[int], None] = lambda position: None,
) -> Iterator[tuple[int, Float32[np.ndarray, "h w"]]]:
    """Position among the map's frames, and inverse depth in the unit of the frame's part; 0 where there is no hint.

    A frame without a registered pose, or without any neighbour to compare it with, has an empty map.

    Args:
        clip_map: poses of the recording.
        camera: of all frames; one, batched or not.
        size: (height, width) of the maps.
        read: the image of a frame number, of that size.
        settings: of the sweep.
        skip: leading positions that are left out; the others' maps are the same bytes.
        told: called with each position when its map is done.
    """
    frames = _Frames(clip_map, camera, size, read, settings)
    for position in range(skip, len(clip_map.frames)):
        yield position, frames.hints(position).numpy()
        told(position)


def steps_of_parts(clip_map: ClipMap) -> dict[int, float]:
    """Median distance between frames whose numbers follow one another, by part; 0 where nothing moves."""
    steps: dict[int, float] = {}
    for part in np.unique(clip_map.part[clip_map.registered]).tolist():
        own = clip_map.registered & (clip_map.part == part)
        lengths = np.linalg.norm(np.diff(clip_map.world_from_camera[own, :3, 3], axis=0), axis=1)
        lengths = lengths / np.diff(clip_map.frames[own])
        steps[part] = float(np.median(lengths)) if len(lengths) else 0.0
    return steps


def neighbours(clip_map: ClipMap, position: int, step: float, offsets: Sequence[int]) -> list[int]:
    """Registered frames of the same part about so many steps away, before and after in time.

    Distance decides and not time, so that slow passages have baselines, too. A frame from beyond a gap is none.
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
    """Colours in [0, 1]."""
    return (torch.from_numpy(np.array(pixels)).permute(2, 0, 1).float() / 255).contiguous()


class _Frames:
    """Frames of a recording; the last few images and sweeps are kept, as neighbours share them."""

    def __init__(
        self, clip_map: ClipMap, camera: Camera, size: tuple[int, int], read: Read, settings: SweepSettings
    ) -> None:
        self.map, self.camera, self.size, self.read, self.settings = clip_map, camera, size, read, settings
        self.steps = steps_of_parts(clip_map)
        self._image, self._swept = lru_cache(_KEPT)(self._load), lru_cache(_KEPT)(self._sweep)

    def hints(self, position: int) -> Float32[Tensor, "h w"]:
        """Consistent inverse depth of a frame."""
        own = self._swept(position)
        others = [Witness(self._swept(other), self._pose(other, position)) for other in self.neighbours(position)]
        return torch.where(agreement(own, others, self.camera, self.settings), own, 0)

    def neighbours(self, position: int) -> list[int]:
        """Those of the settings."""
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
