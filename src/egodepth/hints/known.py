"""What a training knows about its frames besides their images: hints, a teacher's depth, poses."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Float, Float32, Float64

from egodepth.data.batch import Hints
from egodepth.data.drive import Drive
from egodepth.data.media.frame_numbers import FrameNumbers
from egodepth.data.sample_index import SampleIndex
from egodepth.hints.ground import Road, impossible
from egodepth.hints.store import HintMaps
from egodepth.sfm.clip_map import ClipMap
from egodepth.sfm.structures import SparsePoints

TYPICAL_DEPTH = 10.0
"""Median depth of the points of a part without metres, in its unit. One range of network depths then suits every
recording."""


@dataclass(frozen=True)
class KnownDrive:
    """Everything known about one drive."""

    numbers: FrameNumbers
    clip_map: ClipMap | None
    """Map in the unit of the hints; None without known poses."""
    maps: tuple[HintMaps, ...]
    """Maps of every source, the one with the highest priority last; one map per frame of the drive."""
    teacher: HintMaps | None
    metric: bool
    roads: Mapping[int, Road] = field(default_factory=dict)
    """Road by part; missing where it is unknown, or where hints do not come from motion."""

    def place(self, frame: int) -> int:
        """Return the position of a frame in the drive."""
        place = self.numbers.find(frame)
        if place is None:
            raise KeyError(f"no frame {frame}")
        return place

    def part(self, frame: int) -> int:
        """Return the part of the map that a frame belongs to; -1 without a known pose."""
        position = None if self.clip_map is None else self.clip_map.find(frame)
        return -1 if position is None or self.clip_map is None else int(self.clip_map.part[position])


def joined(
    maps: Iterable[HintMaps], place: int, size: tuple[int, int]
) -> tuple[Float32[np.ndarray, "h w"], Float32[np.ndarray, "h w"]]:
    """Return inverse depth and weight from all sources at a position; where they overlap, the later one is used."""
    inverse_depth, weight = np.zeros(size, np.float32), np.zeros(size, np.float32)
    for each in maps:
        found, trust = each.read(place)
        inverse_depth, weight = np.where(trust > 0, found, inverse_depth), np.where(trust > 0, trust, weight)
    return inverse_depth, weight


def possible(
    maps: Iterable[HintMaps], place: int, size: tuple[int, int], road: Road | None
) -> tuple[Float32[np.ndarray, "h w"], Float32[np.ndarray, "h w"]]:
    """Return `joined` without the hints that the road makes impossible."""
    inverse_depth, weight = joined(maps, place, size)
    if road is None:
        return inverse_depth, weight
    kept = ~impossible(inverse_depth, road)
    return inverse_depth * kept, weight * kept


class KnownDrives:
    """The `HintReader` of a training."""

    def __init__(self, drives: list[KnownDrive], size: tuple[int, int], teacher: str = "") -> None:
        """Take everything that is known.

        Args:
            drives: one entry per drive of the training, in order.
            size: (height, width) of the hints.
            teacher: its name and licence, for the model card.
        """
        self.drives, self.size, self.teacher = drives, size, teacher
        # The largest part first: the network learns its unit.
        parts = sorted(self._parts(), reverse=True)
        self._shows_road = any(known.roads for known in drives)
        self._units = {(drive, part): unit for unit, (_, drive, part) in enumerate(parts)}

    def hints(self, drive: int, frame: int) -> Hints:
        """Return the hints of a frame, unbatched."""
        known = self.drives[drive]
        inverse_depth, weight = self._joined(drive, frame)
        nothing = np.zeros((0, self.size[1]), np.float32)
        teacher = known.teacher.read(known.place(frame))[0] if known.teacher else nothing
        road = known.roads.get(known.part(frame))
        unjudged = np.zeros(self.size, np.float32) if self._shows_road else nothing
        return Hints(
            torch.from_numpy(inverse_depth),
            torch.from_numpy(weight),
            torch.tensor(self.unit(drive, frame)),
            torch.from_numpy(teacher),
            torch.from_numpy(road.limit if road else unjudged),
        )

    def inverse_depth(self, drive: int, frame: int) -> Float32[np.ndarray, "h w"]:
        """Return the hint of a frame, 0 where there is none."""
        return self._joined(drive, frame)[0]

    def _joined(self, drive: int, frame: int) -> tuple[Float32[np.ndarray, "h w"], Float32[np.ndarray, "h w"]]:
        """Return inverse depth and weight of a frame, without the hints that the road makes impossible."""
        known = self.drives[drive]
        return possible(known.maps, known.place(frame), self.size, known.roads.get(known.part(frame)))

    def source_from_target(self, drive: int, target: int, source: int) -> Float[np.ndarray, "4 4"]:
        """Return the pose of a neighbour, in the unit of the hints."""
        clip_map = self.drives[drive].clip_map
        assert clip_map is not None
        first, second = clip_map.find(target), clip_map.find(source)
        assert first is not None
        assert second is not None
        return clip_map.source_from_target(first, second)

    def unit(self, drive: int, frame: int) -> int:
        """Return the number of the unit of a frame's hints; 0 is the network's: metres, or that of the largest part."""
        known = self.drives[drive]
        return 0 if known.metric else self._units.get((drive, known.part(frame)), -1)

    def samples_with_poses(self, samples: SampleIndex, offsets: tuple[int, ...]) -> SampleIndex:
        """Return the samples whose frames are all in one part of a map; there may be none."""
        kept = []
        for drive, frame in samples:
            parts = {self.drives[drive].part(frame + offset) for offset in (0, *offsets)}
            if len(parts) == 1 and -1 not in parts:
                kept.append((drive, frame))
        return SampleIndex.of(kept)

    def _parts(self) -> list[tuple[int, int, int]]:
        """Return (frames, drive, part) of every part with a unit of its own."""
        return [
            (int((known.clip_map.part == part).sum()), number, part)
            for number, known in enumerate(self.drives)
            if known.clip_map is not None and not known.metric
            for part in np.unique(known.clip_map.part).tolist()
        ]


def scaled(clip_map: ClipMap, factors: Float64[np.ndarray, " parts"]) -> ClipMap:
    """Return the map with every part scaled by its factor."""
    poses = clip_map.world_from_camera.copy()
    poses[:, :3, 3] *= factors[clip_map.part][:, None]
    xyz = clip_map.points.xyz * factors[clip_map.part_of_point][:, None]
    return replace(clip_map, world_from_camera=poses, points=replace(clip_map.points, xyz=xyz))


def typical_factors(clip_map: ClipMap) -> Float64[np.ndarray, " parts"]:
    """Return the factors that bring the median depth of each part's points to `TYPICAL_DEPTH`."""
    depths = medians_of_parts(clip_map, lambda position: clip_map.sightings(position)[1][:, 2], TYPICAL_DEPTH)
    return TYPICAL_DEPTH / depths


def medians_of_parts(
    clip_map: ClipMap, values: Callable[[int], Float[np.ndarray, " k"]], missing: float
) -> Float64[np.ndarray, " parts"]:
    """Return the median of the values over each part's frames; `missing` for a part without values."""
    found: list[list[Float[np.ndarray, " k"]]] = [[] for _ in range(int(clip_map.part.max()) + 1)]
    for position, part in enumerate(clip_map.part.tolist()):
        found[part].append(values(position))
    joined = [np.concatenate(part) if part else np.zeros(0) for part in found]
    return np.array([np.median(part) if len(part) else missing for part in joined], np.float64)


def map_of_poses(drive: Drive) -> ClipMap:
    """Return the map of a drive with given poses, without points, in metres."""
    frames = np.array(list(drive.frames), np.int64)
    nothing = np.zeros(0)
    points = SparsePoints(
        xyz=nothing.reshape(0, 3),
        rgb=nothing.astype(np.uint8).reshape(0, 3),
        error_px=nothing.astype(np.float32),
        track_length=nothing.astype(np.int32),
        observations=nothing.astype(np.int32).reshape(0, 2),
        rays=nothing.astype(np.float32).reshape(0, 2),
    )
    poses = np.stack([drive.read_pose(frame) for frame in frames.tolist()]).astype(np.float64)
    everywhere = np.ones(len(frames), bool)
    return ClipMap(
        frames=frames,
        part=np.zeros(len(frames), np.int32),
        registered=everywhere,
        world_from_camera=poses,
        points=points,
    )
