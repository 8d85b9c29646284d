"""When the extracted frames of a recording were taken: `footage.json` says it."""

import math
from pathlib import Path

from egodepth.data.footage.extract import FOOTAGE_FILE
from egodepth.errors import InputError
from egodepth.reading import read_json


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
