"""When the frames of a folder were taken: `footage.json`, `times.txt` or their names say it."""

import math
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path

from egodepth.data.footage.settings import FOOTAGE_FILE
from egodepth.data.media.frames import list_images, number_files, times_in_names
from egodepth.foundation.errors import InputError
from egodepth.foundation.reading import read_json, read_lines

USUAL_FPS = 10.0
"""Of frames of which nothing says it: KITTI's."""
Times = Callable[[int], float]
"""Seconds at which a frame of a drive was taken, by its number."""
TIMES_FILE = "times.txt"
"""Seconds, a line a frame, as KITTI's odometry sequences have it; in the folder of the frames or above it."""


def frame_times(folder: Path) -> dict[int, float]:
    """Seconds at which each frame of a folder is shown in its recording, by the frame's number, ascending.

    Raises:
        InputError: no `footage.json`, or a damaged one.
    """
    file = folder / FOOTAGE_FILE
    try:
        times = {int(frame["number"]): float(frame["seconds"]) for frame in read_json(file)["frames"]}
        if not all(map(math.isfinite, times.values())):
            raise ValueError("a time that is not finite")
        return times
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{file}: not what `egodepth data extract` writes; extract the frames again") from error


def known_times(data: Path, drive: str) -> Times | None:
    """Times of a drive's frames, by number, from the beginning of its recording on; None where nothing says them.

    Raises as `folder_times` does; `InputError`, too, for a time that is asked for and not known.
    """
    places = (data / drive, data / "sequences" / drive, data)
    folder = next((place for place in places if place.is_dir()), data)
    times = folder_times(folder, number_files(list_images(folder))) if folder.is_dir() else None
    if times is None:
        return None

    def time(frame: int) -> float:
        if frame not in times:
            raise InputError(f"{folder}: no time is known of frame {frame}; extract the frames again, or give --fps")
        return times[frame]

    return time


def folder_times(folder: Path, files: Mapping[int, Path]) -> dict[int, float] | None:
    """Seconds at which each frame of a folder was taken, by number; None where nothing says it.

    What `egodepth data extract` noted counts before `times.txt`, and that before clock times in the names.

    Args:
        folder: of the frames.
        files: by frame number, ascending.

    Raises:
        InputError: a damaged file, or one of another number of frames.
    """
    if (folder / FOOTAGE_FILE).is_file():
        return frame_times(folder)
    if not files:
        return None
    listed = next((place for place in (folder / TIMES_FILE, folder.parent / TIMES_FILE) if place.is_file()), None)
    return _listed(listed, list(files)) if listed else times_in_names(files)


def _listed(file: Path, numbers: list[int]) -> dict[int, float]:
    try:
        seconds = [float(line) for line in read_lines(file)]
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: no times that can be read; write seconds, a line a frame, or give --fps") from error
    if len(seconds) != len(numbers) or any(not later > earlier for earlier, later in pairwise(seconds)):
        raise InputError(
            f"{file}: {len(seconds)} times for {len(numbers)} frames; write ascending seconds, a line a frame"
        )
    return {number: time - seconds[0] for number, time in zip(numbers, seconds, strict=True)}
