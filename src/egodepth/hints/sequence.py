"""Hints of every frame of a recording, one after the other, in memory that does not grow with its length."""

from collections.abc import Callable, Iterator

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
        frames.forget_before(position)


def steps_of_parts(clip_map: ClipMap) -> dict[int, float]:
    """Median distance between frames whose numbers follow one another, by part; 0 where nothing moves."""
    steps: dict[int, float] = {}
    for part in np.unique(clip_map.part[clip_map.registered]).tolist():
        own = clip_map.registered & (clip_map.part == part)
        lengths = np.linalg.norm(np.diff(clip_map.world_from_camera[own, :3, 3], axis=0), axis=1)
        lengths = lengths / np.diff(clip_map.frames[own])
        steps[part] = float(np.median(lengths)) if len(lengths) else 0.0
    return steps


class _Frames:
    """Frames of a recording, each read once and swept once while it is needed."""

    def __init__(
        self, clip_map: ClipMap, camera: Camera, size: tuple[int, int], read: Read, settings: SweepSettings
    ) -> None:
        self.map, self.camera, self.size, self.read, self.settings = clip_map, camera, size, read, settings
        self.steps = steps_of_parts(clip_map)
        self._images: dict[int, Tensor] = {}
        self._sweeps: dict[int, Tensor] = {}

    def hints(self, position: int) -> Float32[Tensor, "h w"]:
        """Consistent inverse depth of a frame."""
        own = self._swept(position)
        others = [Witness(self._swept(other), self._pose(other, position)) for other in self._neighbours(position)]
        return torch.where(agreement(own, others, self.camera, self.settings), own, 0)

    def forget_before(self, position: int) -> None:
        """Drop what no later position needs."""
        first = self.map.frames[position] - max(self.settings.offsets)
        for kept in (self._images, self._sweeps):
            for old in [place for place in kept if self.map.frames[place] < first]:
                del kept[old]

    def _neighbours(self, position: int) -> list[int]:
        """Registered frames of the same part at the offsets, in time."""
        if not self.map.registered[position] or not self.steps[int(self.map.part[position])]:
            return []
        offsets = sorted([*self.settings.offsets, *(-offset for offset in self.settings.offsets)])
        found = [self.map.find(int(self.map.frames[position]) + offset) for offset in offsets]
        part = self.map.part[position]
        return [p for p in found if p is not None and self.map.registered[p] and self.map.part[p] == part]

    def _swept(self, position: int) -> Float32[Tensor, "h w"]:
        if position not in self._sweeps:
            self._sweeps[position] = self._sweep(position)
        return self._sweeps[position]

    def _sweep(self, position: int) -> Float32[Tensor, "h w"]:
        neighbours = self._neighbours(position)
        if not neighbours:
            return torch.zeros(self.size)
        sources = [SweepSource(self._image(p), self._pose(p, position), p < position) for p in neighbours]
        planes = self.settings.inverse_depths(self.steps[int(self.map.part[position])])
        return plane_sweep(self._image(position), self.camera, sources, planes, self.settings).inverse_depth

    def _pose(self, source: int, target: int) -> Float32[Tensor, "4 4"]:
        poses = self.map.world_from_camera
        return torch.from_numpy(np.linalg.inv(poses[source]) @ poses[target]).float()

    def _image(self, position: int) -> Float32[Tensor, "3 h w"]:
        if position not in self._images:
            pixels = torch.from_numpy(np.array(self.read(int(self.map.frames[position]))))
            self._images[position] = (pixels.permute(2, 0, 1).float() / 255).contiguous()
        return self._images[position]
