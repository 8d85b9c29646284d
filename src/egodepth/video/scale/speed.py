"""The distance that a camera drove: from a speed, a log of speeds (CSV), or KITTI's GPS and inertial unit (`oxts`).

A standing camera gives no scale, and a slow one a weak scale.
"""

import csv
import math
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from egodepth.data.footage.times import Times
from egodepth.foundation.errors import InputError
from egodepth.foundation.reading import read_lines, read_text
from egodepth.video.scale.options import FASTEST_MPS

Distance = Callable[[int, int], float | None]
"""Returns the metres between two frames of a drive, by their numbers; None if unknown."""
SLOWEST_MPS = 1.0
"""Speed below which a frame pair is left out."""
_LONGEST_STEP_S = 10.0
"""Longest interval between lines of the unit, which writes ten a second. Over longer ones the speed is unknown."""
_LATEST_S = 1e9
"""Longest recording: 30 years."""
_STAMP = re.compile(r"(19|20)[0-9]{2}(-[0-9]{2}){2} [0-9]{2}(:[0-9]{2}){2}(\.[0-9]{1,9})?")
_OXTS_SPEEDS = (8, 9, 10)
"""Columns of an oxts line: speed forward, to the left and upward, m/s (KITTI's dataformat.txt)."""
HOW_TO_WRITE = "write two columns under a line that says time,speed: seconds from the first frame, metres a second"


def numbered_times(fps: float) -> Times:
    """Return the times of frames whose numbers count them at a constant rate."""
    return lambda frame: frame / fps


def constant_speed(speed_mps: float, times: Times) -> Distance:
    """Return distances at one speed."""
    return lambda earlier, later: speed_mps * (times(later) - times(earlier))


def logged_speeds(path: Path, clock: Times) -> Distance:
    """Return distances from a CSV of times (seconds) and speeds (m/s), with linear interpolation.

    Args:
        path: the CSV file.
        clock: the times of frames, in the clock of the CSV.

    Raises:
        InputError: not such a file, times that do not ascend, or speeds that no car has.
    """
    times, speeds = _read_speeds(path)

    def distance(earlier: int, later: int) -> float | None:
        begin, end = clock(earlier), clock(later)
        if begin < times[0] or end > times[-1]:
            return None
        inside = times[(times > begin) & (times < end)]
        at = np.concatenate([[begin], inside, [end]])
        return float(np.trapezoid(np.interp(at, times, speeds), at))

    return distance


def oxts_speeds(folder: Path, clock: Path | None = None) -> Distance:
    """Return distances from KITTI's oxts folder: `timestamps.txt` and `data/0000000000.txt`, one line per frame.

    Args:
        folder: the oxts folder.
        clock: the camera's own timestamps.txt. The unit's line of a frame is the nearest of a hundred a second, so the
            intervals between its times are off by up to 10 %.

    Raises:
        InputError: there is none, or it is damaged.
    """
    times = _stamps(clock or folder / "timestamps.txt")

    def speed(frame: int) -> float | None:
        path = folder / "data" / f"{frame:010d}.txt"
        if not path.is_file() or frame >= len(times):
            return None
        try:
            words = read_text(path).split()
            found = math.hypot(*(float(words[column]) for column in _OXTS_SPEEDS))
        except (OSError, ValueError, IndexError) as error:
            raise InputError(f"{path}: no oxts line of 30 numbers; unpack it again") from error
        if not found <= FASTEST_MPS:
            raise InputError(f"{path}: a speed of {found:g} m/s; unpack it again")
        return found

    def distance(earlier: int, later: int) -> float | None:
        known = [(times[frame], value) for frame in range(earlier, later + 1) if (value := speed(frame)) is not None]
        if len(known) < later - earlier + 1:
            return None
        at, speeds = np.array(known).T
        steps = np.diff(at)
        if not ((steps > 0) & (steps < _LONGEST_STEP_S)).all():
            return None
        return float(np.trapezoid(speeds, at))

    return distance


def find_oxts(data: Path, drive: str) -> Path:
    """Return the oxts folder of a KITTI raw drive (`2011_09_26_drive_0001_sync/image_02`) below a data set's folder.

    Raises:
        InputError: there is none.
    """
    name = drive.partition("/")[0]
    places = [data / "oxts", data.parent / "oxts", data / name / "oxts", *data.glob(f"*/{name}/oxts")]
    found = next((place for place in places if place.is_dir() and place.resolve().parent.name == name), None)
    if found is None:
        raise InputError(f"{drive}: no oxts folder (GPS and inertial unit) of KITTI raw; unpack it, or take --by speed")
    return found


def _read_speeds(path: Path) -> tuple[Float64[np.ndarray, " n"], Float64[np.ndarray, " n"]]:
    try:
        rows = [row for row in csv.reader(read_lines(path)) if row]
        names = [name.strip() for name in rows[0]]
        columns = names.index("time"), names.index("speed")
        values = np.array([[float(row[column]) for column in columns] for row in rows[1:]])
        times, speeds = values.T
    except (OSError, ValueError, IndexError, csv.Error) as error:
        raise InputError(f"{path}: no speeds that can be read; {HOW_TO_WRITE}") from error
    if len(times) < 2 or not (np.abs(values) < _LATEST_S).all() or (np.diff(times) <= 0).any():
        raise InputError(f"{path}: two rows at least, finite, times ascending; {HOW_TO_WRITE}")
    if (speeds < 0).any() or (speeds > FASTEST_MPS).any():
        raise InputError(f"{path}: speeds of {speeds.min():g} to {speeds.max():g}; give metres a second, 0 to 150")
    return times, speeds


def _stamps(path: Path) -> Float64[np.ndarray, " n"]:
    """Return seconds since the first line's time."""
    try:
        lines = read_lines(path)
        if not all(map(_STAMP.fullmatch, lines)):
            raise ValueError("not a date and a time")
        stamps = np.array(lines, "datetime64[ns]")
        return (stamps - stamps[0]).astype(np.float64) / 1e9
    except (OSError, ValueError, IndexError) as error:
        raise InputError(f"{path}: missing or damaged; a line has a date and a time; unpack it again") from error
