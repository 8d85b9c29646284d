"""When the extracted frames of a recording were taken: `footage.json` says it."""

import json
from pathlib import Path

from egodepth.data.footage.extract import FOOTAGE_FILE
from egodepth.errors import InputError


def frame_times(folder: Path) -> dict[int, float]:
    """Seconds at which each frame of a folder is shown in its recording, by the frame's number, ascending.

    Raises:
        InputError: no `footage.json`, or a damaged one.
    """
    file = folder / FOOTAGE_FILE
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        return {int(frame["number"]): float(frame["seconds"]) for frame in content["frames"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{file}: not what `egodepth data extract` writes; extract the frames again") from error
