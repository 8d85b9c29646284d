"""Undistort the frames of a clip to those of a pinhole camera."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from egodepth.data.cameras import CAMERA_FILE, find_camera_file, horizontal_fov_deg, read_lens_rig, write_camera
from egodepth.data.images import write_image
from egodepth.data.media.frames import FrameFolder
from egodepth.data.media.side_by_side import for_each
from egodepth.data.media.undistortion import Undistortion
from egodepth.data.readers.folder import PARTNER_FOLDER
from egodepth.foundation.errors import InputError
from egodepth.foundation.files import write_text
from egodepth.foundation.progress import counting_bar

_NOTE = "undistorted.json"
"""File beside the frames with their origin. The same command continues; another one is refused."""
_KEPT_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")


@dataclass(frozen=True)
class Undistorted:
    """Result of an undistortion."""

    folder: str
    camera_file: str
    """Camera file of the distortion."""
    frames: int
    """Number of undistorted frames in the folder now."""
    already_there: int
    unreadable: list[str]
    fov_deg: float
    """Horizontal field of view of the undistorted frames in degrees."""
    seconds: float


def undistort(clip: Path, out: Path, camera: Path | None = None, workers: int = 0) -> Undistorted:
    """Write the undistorted frames of a clip to a folder. Existing ones are kept.

    Args:
        clip: folder of the frames.
        out: output folder.
        camera: the camera file; the clip's own by default.
        workers: number of threads; 0 for one per processor.

    Raises:
        InputError: nothing to read or to undistort, a folder of something else, or a full disk; written frames stay.
    """
    began = time.monotonic()
    frames = FrameFolder.open(clip)
    camera = camera or find_camera_file(clip, clip.resolve().parent)
    undistortion = _undistortion(clip, frames, camera)
    _claim(out, clip, undistortion)
    targets = {number: out / _target_name(name) for number, name in frames.files.items()}
    missing = [number for number, target in targets.items() if not target.is_file()]
    unreadable: list[str] = []

    def make(number: int) -> None:
        try:
            image = frames.read(number)
        except InputError as error:
            unreadable.append(str(error))
            return
        write_image(targets[number], undistortion(image))

    with counting_bar() as bar:
        task = bar.add_task("Undistorting", total=len(targets), completed=len(targets) - len(missing))
        for_each(missing, make, workers, lambda: bar.advance(task))
    if len(unreadable) == len(targets):
        raise InputError(sorted(unreadable)[0])
    write_camera(out / CAMERA_FILE, undistortion.camera, frames.size)
    fov = round(horizontal_fov_deg(undistortion.camera), 2)
    there, seconds = len(targets) - len(missing), time.monotonic() - began
    count = len(targets) - len(unreadable)
    return Undistorted(str(out), str(camera), count, there, sorted(unreadable), fov, seconds)


def _undistortion(clip: Path, frames: FrameFolder, camera: Path) -> Undistortion:
    if (clip / PARTNER_FOLDER).is_dir():
        raise InputError(f"{clip / PARTNER_FOLDER}: stereo pairs are to be rectified together; use your rig's tool")
    rig, lens = read_lens_rig(camera, frames.size)
    if lens is None:
        raise InputError(f"{camera}: no distortion to undo; use the frames of {clip} as they are")
    return Undistortion.of(rig.camera, lens, frames.size, camera)


def _claim(out: Path, clip: Path, undistortion: Undistortion) -> None:
    """Write the origin of the frames to the folder; `InputError` if the folder is for something else."""
    distorted = undistortion.distorted
    note: dict[str, Any] = {
        "frames_of": str(clip.resolve()),
        "size": list(undistortion.size),
        "focal": distorted.focal.tolist(),
        "centre": distorted.centre.tolist(),
        "lens": type(undistortion.lens).__name__,
        "coefficients": list(undistortion.lens),
    }
    text = json.dumps(note, indent=2) + "\n"
    if out.resolve() == clip.resolve():
        raise InputError(f"{out}: the clip's own folder; choose another for the undistorted frames")
    file = out / _NOTE
    if file.is_file():
        if file.read_text(encoding="utf-8") != text:
            raise InputError(f"{out}: has frames of another clip or camera; delete it or choose another folder")
    elif out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out}: not empty and not a folder of this command; choose another")
    else:
        write_text(file, text)


def _target_name(name: str) -> str:
    """Return the output file name of a frame. Formats with more bits, and formats that are not written, become PNG."""
    path = Path(name)
    return name if path.suffix.lower() in _KEPT_SUFFIXES else f"{path.stem}.png"
