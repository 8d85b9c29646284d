"""The camera of a recording: given, found, or stated; and how reliable it is."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch

from egodepth.data.bags.bag import is_bag
from egodepth.data.cameras import (
    CAMERA_FILE,
    check_camera,
    find_camera_file,
    horizontal_fov_deg,
    read_lens_rig,
    write_camera,
)
from egodepth.data.footage.interface import StatedCamera
from egodepth.data.media.frames import FrameFolder
from egodepth.foundation.progress import warn
from egodepth.geometry import Camera
from egodepth.sfm.clip_camera import ClipCamera, find_clip_camera
from egodepth.sfm.colmap import NoColmapError
from egodepth.sfm.settings import USUAL_FOV_DEG, CameraSearch
from egodepth.sfm.verdict import TURN_DEG, Verdict
from egodepth.video.options import Way

_RUN_AWAY_DEG = 110.0
"""Wider fields of view are hardly ever true. The loss does not reveal if the learned focal length becomes shorter and
shorter (LOG.md)."""


@dataclass(frozen=True)
class CameraFound:
    """The camera of the training, and its origin."""

    way: Literal["given", "sfm", "learned", "stated"]
    """`learned`: the file is a first guess, whose focal length the training corrects."""
    fov_deg: float
    said: str
    """Origin, uncertainty and advice, as text."""
    fov_sigma_deg: float | None = None
    """Standard deviation, if known."""
    sure: bool = True


def given_camera(
    frames: FrameFolder, size: tuple[int, int], source: Path | float | tuple[float, ...] | StatedCamera
) -> CameraFound:
    """Write the camera that the user or the recording gave to the parent folder of the extracted frames.

    Args:
        frames: the frames extracted from the recording.
        size: (height, width) of the recording's own frames.
        source: a camera file, a horizontal field of view in degrees, fx fy cx cy in pixels of the recording, or the
            camera that the recording states.

    Raises:
        InputError: a camera file that cannot be read or does not fit.
    """
    lens = None
    if isinstance(source, StatedCamera):
        camera, lens, said = source
    elif isinstance(source, Path):
        (camera, _, _), lens = read_lens_rig(source, size)
        said = f"from {source}"
    elif isinstance(source, tuple):
        fx, fy, cx, cy = source
        camera = Camera.from_pixels(torch.tensor([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]]), size)
        said = "--intrinsics as given"
    else:
        camera, said = Camera.from_fov(source, frames.size), "--fov-deg as given"
    if not isinstance(source, StatedCamera):  # it was checked as what it is: a fisheye has other limits
        check_camera(camera, frames.size, said)
    write_camera(frames.folder.parent / CAMERA_FILE, camera, frames.size, lens=lens)
    return CameraFound("given", horizontal_fov_deg(camera), said)


def beside(clip: Path) -> Path | None:
    """Return the camera file in a folder of frames or in its parent."""
    if not clip.is_dir() or is_bag(clip):
        return None
    found = find_camera_file(clip, clip.resolve().parent)
    return found if found.is_file() else None


def found_camera(frames: FrameFolder, way: Way, fov_deg: float | None, seed: int, trains: bool) -> CameraFound:
    """Find the camera by structure from motion, or prepare a training that learns it.

    The camera file is written to the parent of the frames' folder. `auto` uses structure from motion where that
    works. If frames do not fit together, or pycolmap is missing, the stated field of view is used, or, without a
    stated one, the training learns it. If the clip has no information on it, or nothing is trained, the stated one
    is used, or 60 degrees.
    """
    out = frames.folder.parent / CAMERA_FILE
    out.unlink(missing_ok=True)  # from a call that was stopped
    guess = fov_deg or USUAL_FOV_DEG
    stated = "as stated" if fov_deg else "a usual one, as nobody stated it: give --fov-deg if you know it"
    if way in ("auto", "sfm"):
        try:
            searched = find_clip_camera(frames.folder, out, CameraSearch(fov_deg=fov_deg, seed=seed))
        except NoColmapError as error:
            if way == "sfm":
                raise
            warn(str(error))
        else:
            found, turned = _of(searched), searched.estimate.turned_deg
            if found or way == "sfm" or (turned is not None and turned < TURN_DEG):
                return found or CameraFound("stated", guess, f"{stated}; {searched.estimate.reason}", sure=False)
    write_camera(out, Camera.from_fov(guess, frames.size), frames.size)
    # A learned focal length has no uncertainty. A user who states a field of view usually knows it better.
    if way == "stated" or not trains or (way == "auto" and fov_deg):
        return CameraFound("stated", guess, stated, sure=False)
    return CameraFound("learned", guess, f"learned in the training, from {guess:g} degrees ({stated})", sure=False)


def learned(first_guess: CameraFound, fov_deg: float) -> CameraFound:
    """Return the camera after training from a first guess.

    On the one clip where it was measured, the error was 15 % after half of the steps and 0.3 % at the end.
    """
    said = f"{first_guess.said}; a learned focal length has no error bar, and is only right after a whole training"
    if fov_deg > _RUN_AWAY_DEG:
        said += ", and one as short as this has probably run away: find out the field of view and give --fov-deg"
    return replace(first_guess, fov_deg=fov_deg, said=said)


def _of(searched: ClipCamera) -> CameraFound | None:
    """Return the result of structure from motion, if it is usable."""
    estimate = searched.estimate
    if not searched.is_estimate or estimate.fov_deg is None:
        return None
    sure = estimate.verdict is Verdict.RELIABLE
    said = f"by structure from motion, {estimate.verdict.value}: {estimate.reason}"
    return CameraFound("sfm", estimate.fov_deg, said, estimate.fov_sigma_deg, sure)
