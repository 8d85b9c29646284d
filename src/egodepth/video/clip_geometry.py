"""Geometry of the clips before training: poses and points from structure from motion, hints from a plane sweep."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64

from egodepth.config import TrainConfig
from egodepth.data.media.frame_numbers import spread_places
from egodepth.data.samples.training_set import open_training_set
from egodepth.hints.drive_maps import keep_map
from egodepth.hints.known import KnownDrives
from egodepth.hints.making import hint_store, known_drives
from egodepth.hints.quality import POINTS, measure_hints
from egodepth.inference.predictor import DepthPredictor
from egodepth.sfm.camera_results import MAP_FILE
from egodepth.sfm.clip_map import ClipMap
from egodepth.video.recording import Recording

_UNIT_FRAMES = 24
"""Number of frames of each part that measure the network's unit. They are evenly spread."""
_FEWEST = 0.02
"""Least share of pixels with a hint for measuring a frame's scale."""


@dataclass(frozen=True)
class Geometry:
    """Geometry of one clip."""

    drives: KnownDrives
    position: int
    """Position of the clip among the drives."""
    clip_map: ClipMap
    """Poses and points."""

    def inverse_depth(self, frame: int) -> Float32[np.ndarray, "h w"]:
        """Return the hint of an extracted frame, 0 where there is none, in the unit of the frame's part."""
        return self.drives.inverse_depth(self.position, frame)


def made_geometry(config: TrainConfig, names: Iterable[str], mapped: dict[str, ClipMap]) -> dict[str, Any]:
    """Compute the missing poses, points and hints of the clips, and return figures for each clip.

    Args:
        config: the configuration of the training.
        names: the names of the clips, in the order of the training's folders.
        mapped: maps from the search for the camera, with this camera.
    """
    training = open_training_set(config.data)
    clips = dict(zip(names, training.drives, strict=True))
    for name, clip_map in mapped.items():
        keep_map(hint_store(config), clips[name], clip_map)
    known = known_drives(config, training.drives, hint_store(config))
    found: dict[str, Any] = {}
    for position, (name, drive) in enumerate(clips.items()):
        clip_map = known.drives[position].clip_map
        if clip_map is None:
            found[name] = None
            continue
        hint = partial(known.inverse_depth, position)
        quality = [q for q in measure_hints(hint, list(drive.frames), drive, clip_map) if q.against == POINTS]
        found[name] = {
            "frames": len(list(drive.frames)),
            "posed": len(clip_map.frames),
            "between": int((~clip_map.registered).sum()),
            "parts": int(clip_map.part.max()) + 1,
            "points": len(clip_map.points.xyz),
            "hints": asdict(quality[0]) if quality else None,
        }
    samples = known.samples_with_poses(training.samples, config.data.offsets)
    return {"usable": len(samples) > 0, "clips": found}


def known_geometry(config: TrainConfig, names: Iterable[str]) -> dict[str, Geometry]:
    """Return the geometry of every clip in which structure from motion registered frames."""
    known = known_drives(config, open_training_set(config.data).drives, hint_store(config))
    maps = {name: (position, known.drives[position].clip_map) for position, name in enumerate(names)}
    return {name: Geometry(known, place, clip_map) for name, (place, clip_map) in maps.items() if clip_map is not None}


def units_of_frames(
    geometry: Geometry, recording: Recording, predictor: DepthPredictor
) -> list[Float64[np.ndarray, " n"]]:
    """Return the network's unit of depth over the map's, for every extracted frame by row; NaN without a pose.

    All frames of a part share it: it is the median over some of them. So poses of the map and depth of the network are
    in one unit. Parts without common points, whose relative scale is unknown, follow the network.
    """
    clip_map = geometry.clip_map
    units = np.ones(int(clip_map.part.max()) + 1)
    for part in range(len(units)):
        frames = clip_map.frames[clip_map.part == part]
        some = frames[spread_places(len(frames), _UNIT_FRAMES)]
        ratios = []
        for frame in some.tolist():
            image = predictor.network_input([recording.drive.read_image(frame)])
            ratios.append(log_ratio(geometry.inverse_depth(frame), predictor.inverse_depth(image)[0].numpy()))
        if np.isfinite(ratios).any():
            units[part] = np.exp(np.nanmedian(ratios))
    places = [[clip_map.find(number) for number in row.numbers] for row in recording.rows]
    return [
        np.array([np.nan if place is None else units[clip_map.part[place]] for place in row], np.float64)
        for row in places
    ]


def log_ratio(hint: Float32[np.ndarray, "h w"], inverse_depth: Float32[np.ndarray, "h w"]) -> float:
    """Return the median of log(hint / inverse depth), the network's depth over the hint's; NaN for few hints."""
    has = hint > 0
    return float(np.median(np.log(hint[has] / inverse_depth[has]))) if has.mean() >= _FEWEST else float("nan")


def camera_map(frames: Path) -> ClipMap | None:
    """Return the map from the search for the camera, with the found camera."""
    file = frames / MAP_FILE
    return ClipMap.load(file) if file.is_file() else None
