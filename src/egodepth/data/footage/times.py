"""Times of the frames of a folder, from `footage.json`, `times.txt` or the file names."""

import math
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path

from egodepth.data.footage.settings import FOOTAGE_FILE
from egodepth.data.media.frames import list_images, number_files, times_in_names
from egodepth.foundation.errors import InputError
from egodepth.foundation.reading import read_json, read_lines

USUAL_FPS = 10.0
"""Assumed rate of frames without known times: KITTI's."""
Times = Callable[[int], float]
"""Maps the number of a frame of a drive to its time in seconds."""
TIMES_FILE = "times.txt"
"""File with one time in seconds per frame, as in KITTI's odometry sequences; in the frames' folder or its parent."""


def frame_times(folder: Path) -> dict[int, float]:
    """Return the time in seconds of each frame of a folder in its recording, by frame number, ascending.

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
    """Return the times of a drive's frames from the start of its recording, by number; None if unknown.

    Raises as `folder_times`. The returned function raises an `InputError` for a frame without a known time.
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
    """Return the time in seconds of each frame of a folder, by number; None if unknown.

    The times of `egodepth data extract` have priority over `times.txt`, and this over clock times in the file names.

    Args:
        folder: the folder of the frames.
        files: the files by frame number, ascending.

    Raises:
        InputError: a damaged file, or one for another number of frames.
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
