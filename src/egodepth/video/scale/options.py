"""Options of `egodepth scale`, and the checks of their combinations and values."""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from tyro.conf import Positional

from egodepth.foundation.errors import InputError

Way = Literal["baseline", "height", "speed", "oxts", "distance", "depth"]
FASTEST_MPS = 150.0
GIVEN_PERCENT: dict[str, float] = {
    "baseline": 0.5,
    "height": 3.0,
    "speed": 2.0,
    "oxts": 1.0,
    "distance": 1.0,
    "depth": 1.0,
}
"""Default 95 % error of the given length in percent: 5 cm of a camera's height, the speed of a GPS, of an inertial
unit, a calibration. A car's own speedometer shows up to 10 % too much (UNECE regulation 39)."""
DISTORTION_PERCENT: dict[str, float] = {"baseline": 10.0, "height": 10.0, "speed": 10.0, "oxts": 10.0}
"""Allowance for the 95 % difference between the median factor of the found pixels and that of all pixels, in percent.
Not all pixels are found again, and the factors of a model that was trained for minutes differ by half between pixels:
on twelve rendered drives this caused 1 to 3 % (rms), on three pairs of KITTI's drive 0001 13 % (LOG.md)."""
_OWN: dict[str, set[str]] = {
    "baseline": {"data"},
    "height": {"data", "height_m"},
    "speed": {"data", "speed_mps", "speeds", "fps"},
    "oxts": {"data", "fps"},
    "distance": {"image", "pixel", "distance_m", "camera"},
    "depth": {"data"},
}
"""Options of each method; methods with data also have `drives`, `split` and `limit`."""
_NEEDED: dict[str, tuple[str, ...]] = {
    "height": ("height_m",),
    "distance": ("image", "pixel", "distance_m"),
}


def check_options(given: Mapping[str, Any]) -> None:
    """Refuse contradicting options, given by name if they differ from their defaults.

    Raises:
        InputError: an option is missing, has no effect here, or has an impossible value.
    """
    if "remove" in given:
        if len(given) > 1:
            raise InputError("--remove takes the scale off, and cannot be combined with another option")
        return
    if "by" not in given:
        raise InputError("scale: say --by baseline, height, speed, oxts, distance or depth (or --remove)")
    by = given["by"]
    own = _OWN[by] | ({"drives", "split", "limit"} if "data" in _OWN[by] else set())
    idle = sorted(given.keys() - own - {"by", "given_percent", "store", "json", "device"})
    if idle:
        raise InputError(f"{_option(idle[0])} has no effect with --by {by}; leave it out")
    needed = _NEEDED.get(by, ()) + (("data",) if "data" in _OWN[by] else ())
    missing = [name for name in needed if name not in given]
    if missing:
        raise InputError(f"scale --by {by} needs {_option(missing[0])}")
    if by == "speed" and ("speed_mps" in given) == ("speeds" in given):
        raise InputError("scale --by speed needs either --speed-mps or --speeds FILE")
    for is_right, message in _conditions(given):
        if not is_right:
            raise InputError(message)


def _conditions(given: Mapping[str, Any]) -> list[tuple[bool, str]]:
    """Return the conditions on the values, with their messages."""
    points, metres, images = (len(given.get(name, ())) for name in ("pixel", "distance_m", "image"))
    return [
        (0.05 <= given.get("height_m", 1) <= 20, "--height-m: metres over the road, 0.05 to 20"),
        (1 <= given.get("speed_mps", 1) <= FASTEST_MPS, f"--speed-mps: metres a second, 1 to {FASTEST_MPS:g}"),
        (0 < given.get("fps", 1) < 1e4, "--fps: frames a second, above 0"),
        (given.get("limit", 3) >= 3, "--limit: look at three frames at least"),
        (all(0.1 <= length <= 1000 for length in given.get("distance_m", ())), "--distance-m: metres, 0.1 to 1000"),
        (points == metres, f"{points} --pixel for {metres} --distance-m: give as many"),
        (images in {min(1, points), points}, "--image: one for each --pixel, or one for all"),
        (0 <= given.get("given_percent", 0) <= 50, "--given-percent: 0 to 50"),
    ]


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


@dataclass(frozen=True, kw_only=True)
class ScaleOptions:
    """The model, the known length, and the frames to find the scale on."""

    model: Positional[str]
    """A run folder or a model folder, with depth up to scale."""
    by: Way | None = None
    """The known length. baseline: stereo pairs of --data. height: the camera's height over a level road (--height-m).
    speed: --speed-mps or --speeds. oxts: KITTI raw's GPS. distance: measured distances in images (--image, --pixel,
    --distance-m). depth: true depth of --data. The first four compare the model's depth with the motion between two
    images."""
    data: Path | None = None
    """Drives to find the scale on: any data set that can be trained on."""
    drives: tuple[str, ...] = ("*",)
    """Glob patterns of the drives."""
    split: Literal["train", "val", "test"] = "train"
    """Which split of a rendered set or of Cityscapes."""
    limit: int = 100
    """Number of frames to measure, evenly spaced."""
    height_m: float | None = None
    """Height of the camera over the road, metres."""
    speed_mps: float | None = None
    """Speed in metres per second, if it was constant."""
    speeds: Path | None = None
    """CSV of `time,speed` for one drive: seconds from the start of the recording (or from frame number 0), metres per
    second."""
    fps: float | None = None
    """Frames per second; frame numbers count them. Left out: the frames' own times if footage.json, a times.txt or the
    file names give them, else 10."""
    image: tuple[Path, ...] = ()
    """Images with a known distance: one per --pixel, or one for all."""
    pixel: tuple[tuple[float, float], ...] = ()
    """x and y of each point in its image, from the upper left, pixels."""
    distance_m: tuple[float, ...] = ()
    """Distance of each point, metres: in a straight line with --camera, along the camera's axis without."""
    camera: Path | None = None
    """Camera file of those images (camera.json)."""
    given_percent: float | None = None
    """95 % error of the given length in percent. Left out: baseline 0.5, height 3, speed 2, the others 1."""
    remove: bool = False
    """Remove a stored scale."""
    store: bool = True
    """Store the scale in the model's folder. With --no-store it is only printed."""
    json: Path | None = None
    """Also write the result to this JSON file."""
    device: str | None = None
    """`cpu`, `cuda`, ... Left out: the GPU if there is one."""

    def given(self) -> dict[str, Any]:
        """Return the options that differ from their defaults, by name."""
        return {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if field.default is not MISSING and getattr(self, field.name) != field.default
        }
