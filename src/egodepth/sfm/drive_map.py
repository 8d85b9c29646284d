"""Compute the map of a whole recording, with poses and points of every frame, and check its camera."""

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
"""Most pixels of a working image. Larger images give more features than matching can process, not better ones."""
CAMERA_FRAMES = 80
"""Number of frames in which a camera is searched."""
_SIGMAS, _SHARE = 3.0, 0.06
"""A focal length contradicts a camera if it differs by this many standard deviations, and by this share: for true
cameras the estimate was up to 5 % short, in all parts of a clip alike (LOG.md)."""
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
    """Return poses of every frame of a recording and sparse points; None if no frames fit together.

    A frame that does not fit gets a pose interpolated between its neighbours' poses, if these belong to one part and at
    most `MOST_MISSING` frames are missing between them. The result is bitwise the same for any number of threads, and
    after an interruption.

    Args:
        read: returns the RGB image of a frame number.
        frames: numbers, ascending; a gap in them is a gap in time.
        size: (height, width) of the images.
        camera: the known camera, which is kept. None: it is searched, and None is returned if that fails.
        work: folder for the database of features and matches. An interrupted call with the same arguments is continued
            there. The caller deletes it. `contradiction` reads the finished map from it.
        settings: the settings of the reconstruction.
        stages: shows the progress of each stage.

    Raises:
        InputError: pycolmap is missing, a frame is unreadable, or the work folder holds something else.
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
        "Looking for motion", len(look_at), lambda advance: chosen_frames(read, footage.frames, CAMERA_FRAMES, advance)
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
    """Find features in all frames, match all neighbours, and match frames at larger offsets among the chosen ones."""
    mapper.library.set_random_seed(mapper.settings.seed)
    mapper.extract()
    mapper.match(pairs_of(mapper.footage.frames) | pairs_of(chosen, CAMERA_STEPS))


def contradiction(camera: Camera, size: tuple[int, int], work: Path, source: str | Path, stages: Stages) -> str | None:
    """Return one line if structure from motion contradicts the focal length of a given camera; otherwise None.

    The map of `map_recording` with this camera is adjusted again with a free focal length, in the frames that turn
    most, because only these determine it. If the focal length changes, it is estimated again without each part of these
    frames in turn. The spread of these estimates gives its standard deviation.

    Args:
        camera: the camera of `map_recording`.
        size: (height, width) of the images, for the numbers in the line.
        work: the work folder of `map_recording`.
        source: the origin of the camera, such as camera.json.
        stages: shows the progress.
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
    without = stages.each("How sure the camera is", PARTS, lambda advance: part_focals(library, freed.model, advance))
    sigma = spread(without) / freed.given
    if len(without) < 2 or abs(share - 1) < _SIGMAS * sigma:
        return None
    focal = camera.focal[0].item() * size[1]
    return (
        f"{source} says {focal:.0f} px, structure from motion {share * focal:.0f} ± {sigma * focal:.0f} px; check the "
        "calibration (of these images, at this size?), or have it found by egodepth camera"
    )


def claim(work: Path, footage: Footage, settings: SfmSettings, more: dict[str, Any]) -> None:
    """Create the work folder, or continue an existing one. A result with other settings or frames is deleted.

    Raises:
        InputError: the folder holds something else.
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
