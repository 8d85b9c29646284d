"""Compute what a training needs to know about its frames: poses, then hints of every kind. Existing ones are used."""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32
from rich.console import Console

from egodepth.config import TrainConfig
from egodepth.data.drive import Drive
from egodepth.data.images import resize_rgb
from egodepth.data.media.frame_numbers import FrameNumbers
from egodepth.foundation.errors import InputError
from egodepth.foundation.files import cache_folder
from egodepth.foundation.progress import counting
from egodepth.hints.contact import Neighbour, contact_hint
from egodepth.hints.drive_maps import drive_map
from egodepth.hints.ground import Road, road_of
from egodepth.hints.known import (
    KnownDrive,
    KnownDrives,
    joined,
    map_of_poses,
    medians_of_parts,
    possible,
    scaled,
    typical_factors,
)
from egodepth.hints.sequence import hint_maps, image_tensor, neighbours, steps_of_parts
from egodepth.hints.settings import SweepSettings
from egodepth.hints.sparse import sparse_hint
from egodepth.hints.stereo import MATCHING, stereo_hint
from egodepth.hints.store import HintMaps, digest_of, drive_folder
from egodepth.hints.teacher import Teacher, load_teacher
from egodepth.sfm.clip_map import ClipMap

SWEEP_VERSION = 2
"""Version of the plane sweep's arithmetic. Hints of another version are computed again."""
CONTACT_VERSION = 1
"""Version of the hints of vehicles that move along, and of the road they use. Other versions are computed again."""
_CONTACT_OFFSETS = (1, 2)
"""Distances, in steps, of the frames that show whether an object moves along."""
_KEPT = 8
"""Number of cached images while hints of vehicles are computed."""
Map = tuple[Float32[np.ndarray, "h w"], Float32[np.ndarray, "h w"] | None]
"""Inverse depth of a frame, and its weight; None means a weight of 1."""


def hint_store(config: TrainConfig) -> Path:
    """Return the folder of a training's hints."""
    if config.hints.store:
        return Path(config.hints.store)
    store = config.data.store
    return Path(store).with_name(f"{Path(store).name}_hints") if store else cache_folder() / "hints"


def needs_map(config: TrainConfig) -> bool:
    """Whether poses are needed that the data set does not provide."""
    poses = config.data.poses
    return poses == "sfm" or (poses == "learned" and config.hints.needs_neighbours)


def asks_for_hints(config: TrainConfig) -> bool:
    """Whether a training needs hints or known poses, which are computed before it begins."""
    return config.hints.enabled or config.data.poses == "sfm"


def known_drives(config: TrainConfig, drives: list[Drive], store: Path, console: Console | None = None) -> KnownDrives:
    """Return everything that a training needs to know about its drives; missing data is computed.

    Args:
        config: uses its `data`, `hints` and `trainer.seed`.
        drives: the drives of the training.
        store: folder of the hints.
        console: output of the progress; standard error by default.

    Raises:
        InputError: an optional library is missing, a full disk, or an unusable teacher.
    """
    console = console or Console(stderr=True)
    teacher = load_teacher(config.hints.teacher, config.trainer.device or "cpu") if config.hints.teacher else None
    if teacher and teacher.note:
        console.print(teacher.note, highlight=False, markup=False, soft_wrap=True)
    said = f"{teacher.name} (licence: {teacher.licence or 'unknown'})" if teacher else ""
    known = [_Maker(config, drive, store, console).known(teacher) for drive in drives]
    return KnownDrives(known, config.data.size, said)


class _Maker:
    """Computes the hints of one drive."""

    def __init__(self, config: TrainConfig, drive: Drive, store: Path, console: Console) -> None:
        self.config, self.drive, self.console = config, drive, console
        self.size, self.folder = config.data.size, drive_folder(store, drive)
        self.numbers = FrameNumbers.of(drive.frames)

    def known(self, teacher: Teacher | None) -> KnownDrive:
        sources = self.config.hints.sources
        metric = self.config.data.metric
        stereo = self._stereo() if "stereo" in sources else None
        clip_map = self._map(stereo)
        maps: dict[str, HintMaps] = {} if stereo is None else {"stereo": stereo}
        if clip_map is not None and "sweep" in sources:
            maps["sweep"] = self._sweep(clip_map)
        if clip_map is not None and "sparse" in sources:
            maps["sparse"] = self._sparse(clip_map)
        taught = None if teacher is None else self._teacher(teacher)
        ordered = tuple(maps[source] for source in sources if source in maps)
        roads: dict[int, Road] = {}
        # Stereo pairs measure moving objects correctly.
        if clip_map is not None and stereo is None and ordered:
            roads = self._roads(clip_map, ordered)
            if "contact" in sources and roads:
                ordered = (*ordered, self._contact(clip_map, ordered, roads))
        return KnownDrive(self.numbers, clip_map, ordered, taught, metric, roads)

    def _roads(self, clip_map: ClipMap, maps: tuple[HintMaps, ...]) -> dict[int, Road]:
        """Return the road of each part that shows one."""
        places = np.array([-1 if (place := self.numbers.find(n)) is None else place for n in clip_map.frames.tolist()])
        roads = {}
        for part in np.unique(clip_map.part).tolist():
            own = places[(clip_map.part == part) & (places >= 0)].tolist()
            road = road_of(lambda place: joined(maps, place, self.size)[0], own, self.drive.camera)
            if road is not None:
                roads[part] = road
        return roads

    def _map(self, stereo: HintMaps | None) -> ClipMap | None:
        """Return the map in the unit of the hints; None if none is needed or available."""
        if self.config.data.poses == "given":
            return map_of_poses(self.drive) if self.drive.has_poses else None
        if not needs_map(self.config):
            return None
        clip_map = drive_map(self.drive, self.folder, self.config.trainer.seed, self.console)
        if clip_map is None:
            return None
        if stereo is not None:
            return scaled(clip_map, self._metres(clip_map, stereo))
        return scaled(clip_map, typical_factors(clip_map))

    def _metres(self, clip_map: ClipMap, stereo: HintMaps) -> np.ndarray:
        """Return the metres per unit of each part: the median ratio of stereo depth and the points' depth."""

        def ratios(position: int) -> Float32[np.ndarray, " k"]:
            place = self.numbers.find(int(clip_map.frames[position]))
            seen = sparse_hint(clip_map, position, self.drive.camera, self.size)[0]
            found = self._nothing() if place is None else stereo.read(place)[0]
            both = (seen > 0) & (found > 0)
            return seen[both] / found[both]

        return medians_of_parts(clip_map, ratios, missing=1.0)

    def _sweep(self, clip_map: ClipMap) -> HintMaps:
        settings = SweepSettings()
        origin = {
            "version": SWEEP_VERSION,
            **asdict(settings),
            "poses": digest_of(clip_map.frames, clip_map.world_from_camera),
        }

        def made(first: int) -> Iterator[Map]:
            found = hint_maps(clip_map, self.drive.camera, self.size, self._read, settings, self._skip(clip_map, first))
            following = next(found, None)
            for place in range(first, len(self.numbers)):
                if following is not None and clip_map.find(self.numbers[place]) == following[0]:
                    yield following[1], None
                    following = next(found, None)
                else:
                    yield self._nothing(), None

        return self._filled("sweep", origin, "Plane sweep", made)

    def _skip(self, clip_map: ClipMap, first: int) -> int:
        """Return the number of the map's frames before a position in the drive."""
        return int(np.searchsorted(clip_map.frames, self.numbers[first]))

    def _sparse(self, clip_map: ClipMap) -> HintMaps:
        origin = {"poses": digest_of(clip_map.frames, clip_map.world_from_camera, clip_map.points.xyz)}

        def hint(frame: int) -> Map:
            position = clip_map.find(frame)
            if position is None:
                return self._nothing(), None
            return sparse_hint(clip_map, position, self.drive.camera, self.size)

        return self._filled("sparse", origin, "Sparse points", self._each(hint))

    def _contact(self, clip_map: ClipMap, maps: tuple[HintMaps, ...], roads: dict[int, Road]) -> HintMaps:
        origin = {"version": CONTACT_VERSION, "maps": [each.name for each in maps]}
        steps = steps_of_parts(clip_map)
        image = lru_cache(_KEPT)(lambda position: image_tensor(self._read(int(clip_map.frames[position]))))

        def hint(frame: int) -> Map:
            position, place = clip_map.find(frame), self.numbers.find(frame)
            road = None if position is None else roads.get(int(clip_map.part[position]))
            if position is None or place is None or road is None:
                return self._nothing(), None
            others = neighbours(clip_map, position, steps.get(int(clip_map.part[position]), 0.0), _CONTACT_OFFSETS)
            seen = [
                Neighbour(image(other), torch.from_numpy(clip_map.source_from_target(position, other)).float())
                for other in others
            ]
            known, _ = possible(maps, place, self.size, road)
            return contact_hint(image(position), seen, self.drive.camera, road, known), None

        return self._filled("contact", origin, "Vehicles that move along", self._each(hint))

    def _stereo(self) -> HintMaps:
        drive = self.drive
        if drive.partner_camera is None or drive.partner_from_self is None:
            raise InputError(f"{drive.name}: no stereo partner; leave 'stereo' out of --hints.sources")
        origin = {"partner_from_self": drive.partner_from_self.tolist(), "matching": MATCHING}
        match = partial(
            stereo_hint,
            camera=drive.camera,
            partner_camera=drive.partner_camera,
            partner_from_self=drive.partner_from_self,
            size=self.size,
        )

        def hint(frame: int) -> Map:
            if not drive.has_partner(frame):
                return self._nothing(), None
            return match(drive.read_image(frame), drive.read_image(frame, partner=True)), None

        return self._filled("stereo", origin, "Stereo matching", self._each(hint))

    def _teacher(self, teacher: Teacher) -> HintMaps:
        def label(frame: int) -> Map:
            found = teacher(self.drive.read_image(frame)[None], self.size)[0]
            low, high = float(found.min()), float(found.max())
            # Scale and shift are not learned: any positive range preserves 16 bits of the shape.
            return (1e-3 + (found - low) / max(high - low, 1e-9)).astype(np.float32), None

        origin = {"teacher": teacher.name, "weights": teacher.fingerprint}
        return self._filled("teacher", origin, "Teacher", self._each(label))

    def _nothing(self) -> Float32[np.ndarray, "h w"]:
        return np.zeros(self.size, np.float32)

    def _each(self, make: Callable[[int], Map]) -> Callable[[int], Iterator[Map]]:
        """Return maps that are computed frame by frame, from a position in the drive."""
        return lambda first: (make(self.numbers[place]) for place in range(first, len(self.numbers)))

    def _filled(self, kind: str, origin: dict[str, Any], label: str, made: Callable[[int], Iterator[Map]]) -> HintMaps:
        """Return the maps of a kind, continued from an interruption."""
        origin = {"kind": kind, "size": list(self.size), **origin}
        stem = self.folder / f"{kind}-{self.size[0]}x{self.size[1]}-{digest_of(origin)}"
        maps = HintMaps(stem, len(self.numbers), self.size, origin)
        first = maps.missing()
        if first < len(self.numbers):
            with counting(f"{label}: {self.drive.name}", len(self.numbers) - first, self.console) as counter:
                for place, (inverse_depth, weight) in enumerate(made(first), start=first):
                    maps.write(place, inverse_depth, weight)
                    counter.advance(1)
                    counter.look()
        return maps

    def _read(self, frame: int) -> np.ndarray:
        return resize_rgb(self.drive.read_image(frame), self.size)
