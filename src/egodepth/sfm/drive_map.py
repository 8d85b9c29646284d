"""The map of a whole recording, for those who need poses and points of every frame, and a check of its camera."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from egodepth.foundation.errors import InputError
from egodepth.foundation.files import write_text
from egodepth.geometry import Camera
from egodepth.sfm.choosing import chosen_frames, frames_to_look_at
from egodepth.sfm.clip_map import ClipMap
from egodepth.sfm.colmap import pycolmap
from egodepth.sfm.features import working_size
from egodepth.sfm.mapping import Mapper, map_folder
from egodepth.sfm.matching import CAMERA_STEPS, MATCHING_VERSION, pairs_of
from egodepth.sfm.reconstruct import find_camera, map_frames
from egodepth.sfm.refining import PARTS, freed_focal, part_focals
from egodepth.sfm.settings import FEWEST_FRAMES
from egodepth.sfm.stages import Stages
from egodepth.sfm.structures import Footage, SfmSettings
from egodepth.sfm.verdict import TURN_DEG, spread, turned_deg

MAP_PIXELS = 600_000
"""Larger images are shrunk: features become more than matching can take, not better."""
CAMERA_FRAMES = 80
"""A camera is looked for in so many frames."""
_SIGMAS, _SHARE = 3.0, 0.06
"""A camera is contradicted by a focal length so many standard deviations away, and by such a share of it: with true
cameras it came out up to 5 % short, all parts of a clip alike (LOG.md)."""
Read = Callable[[int], UInt8[np.ndarray, "h w 3"]]


def map_recording(
    read: Read,
    frames: Sequence[int],
    size: tuple[int, int],
    camera: Camera | None,
    work: Path,
    settings: SfmSettings,
    stages: Stages,
) -> ClipMap | None:
    """Poses of every frame of a recording and sparse points; None if no frames fit together.

    Frames that do not fit have the pose that lies between their neighbours', if these are of one part and no more than
    `MOST_MISSING` frames are missing between them. The result is the same to the bit with any number of threads, and
    after an interruption.

    Args:
        read: RGB image of a frame by its number.
        frames: numbers, ascending; a gap in them is a gap in time.
        size: (height, width) of the images.
        camera: stays as it is; where nobody knows it, None: it is looked for, and None is returned if that fails.
        work: folder for the database of features and matches, which goes on where an interrupted call with the same
            arguments was; the caller deletes it. `contradiction` reads the finished map from it.
        settings: see there.
        stages: shows how far each stage is.

    Raises:
        InputError: pycolmap is missing, a frame cannot be read, or the work folder is not one.
    """
    library = pycolmap()
    footage = Footage(read, tuple(frames), working_size(size, MAP_PIXELS))
    if len(footage.frames) < 2:
        return None
    claim(work, footage, settings, {"camera": None if camera is None else [value.tolist() for value in camera]})
    if camera is not None:
        mapper = Mapper(library, footage, work, settings, stages, camera)
        prepare(mapper)
        return map_frames(mapper)
    look_at = frames_to_look_at(footage.frames)
    chosen = stages.each(
        "Looking for motion", len(look_at), lambda told: chosen_frames(read, footage.frames, CAMERA_FRAMES, told)
    )
    mapper = Mapper(library, footage, work, settings, stages)
    if len(chosen) < FEWEST_FRAMES:
        return None
    prepare(mapper, tuple(chosen))
    found = find_camera(mapper, tuple(chosen))
    if found is None or not mapper.take_camera(found.focal_px, found.distortion, found.centre_px):
        return None
    return map_frames(mapper)


def prepare(mapper: Mapper, chosen: tuple[int, ...] = ()) -> None:
    """Find features in all frames, match neighbours among all, and farther ones among those that tell the camera."""
    mapper.library.set_random_seed(mapper.settings.seed)
    mapper.extract()
    mapper.match(pairs_of(mapper.footage.frames) | pairs_of(chosen, CAMERA_STEPS))


def contradiction(camera: Camera, size: tuple[int, int], work: Path, source: str | Path, stages: Stages) -> str | None:
    """One line if structure from motion has another focal length than a given camera, with both; else None.

    The map that `map_recording` made with this camera is adjusted once more, with the focal length free, in the frames
    that turn most, as no others tell. If the focal length changes, it is estimated again without each part of these
    frames in turn: the spread of these estimates gives its standard deviation.

    Args:
        camera: as `map_recording` had it.
        size: (height, width) of the images, for the numbers in the line.
        work: the folder that `map_recording` worked in.
        source: where the camera is from, such as camera.json.
        stages: shows how far it is.
    """
    folder = map_folder(work)
    if not folder.is_dir():
        return None
    library = pycolmap()
    model = library.Reconstruction(folder)
    freed = stages.wait("Checking the camera", lambda: freed_focal(library, model, CAMERA_FRAMES))
    share = freed.focal / freed.given
    if turned_deg(freed.poses) < TURN_DEG or abs(share - 1) < _SHARE:
        return None
    without = stages.each("How sure the camera is", PARTS, lambda told: part_focals(library, freed.model, told))
    sigma = spread(without) / freed.given
    if len(without) < 2 or abs(share - 1) < _SIGMAS * sigma:
        return None
    focal = camera.focal[0].item() * size[1]
    return (
        f"{source} says {focal:.0f} px, structure from motion {share * focal:.0f} ± {sigma * focal:.0f} px; check the "
        "calibration (of these images, at this size?), or have it found by egodepth camera"
    )


def claim(work: Path, footage: Footage, settings: SfmSettings, more: dict[str, Any]) -> None:
    """Make the work folder, or go on with the one there is; what was made with other settings or frames is deleted.

    Raises:
        InputError: there is something else.
    """
    made_with = {
        "matching": MATCHING_VERSION,
        "frames": footage.frames,
        "size": footage.size,
        "settings": repr(settings),
        **more,
    }
    note, text = work / "made_with.json", json.dumps(made_with) + "\n"
    if work.is_dir() and any(work.iterdir()) and not note.is_file():
        raise InputError(f"{work}: is in the way of the work folder; move it or choose another name for the result")
    if not note.is_file() or note.read_text(encoding="utf-8") != text:
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        write_text(note, text)
