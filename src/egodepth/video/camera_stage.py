"""The camera of a recording: given, found, or stated; and what is to be thought of it."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch

from egodepth.data.cameras import (
    CAMERA_FILE,
    check_camera,
    find_camera_file,
    horizontal_fov_deg,
    read_lens_rig,
    write_camera,
)
from egodepth.data.media.frames import FrameFolder
from egodepth.foundation.progress import warn
from egodepth.geometry import Camera
from egodepth.sfm.clip_camera import ClipCamera, find_clip_camera
from egodepth.sfm.colmap import NoColmapError
from egodepth.sfm.settings import USUAL_FOV_DEG, CameraSearch
from egodepth.sfm.verdict import TURN_DEG, Verdict
from egodepth.video.options import Way

_RUN_AWAY_DEG = 110.0
"""Wider fields of view are hardly ever true, and the loss does not tell when the learned focal length becomes shorter
and shorter (LOG.md)."""


@dataclass(frozen=True)
class CameraFound:
    """What the training's camera is, and how it came to be."""

    way: Literal["given", "sfm", "learned", "stated"]
    """`learned`: the file is a first guess, whose focal length the training corrects."""
    fov_deg: float
    said: str
    """For people: where it is from, how sure it is, what to do about it."""
    fov_sigma_deg: float | None = None
    """One standard deviation, if known."""
    sure: bool = True


def given_camera(frames: FrameFolder, size: tuple[int, int], source: Path | float | tuple[float, ...]) -> CameraFound:
    """Write the camera that the user gave above the extracted frames.

    Args:
        frames: extracted from the recording.
        size: (height, width) of the recording's own frames.
        source: a camera file, a horizontal field of view in degrees, or fx fy cx cy in pixels of the recording.

    Raises:
        InputError: a camera file that cannot be read or does not fit.
    """
    lens = None
    if isinstance(source, Path):
        (camera, _, _), lens = read_lens_rig(source, size)
        said = f"from {source}"
    elif isinstance(source, tuple):
        fx, fy, cx, cy = source
        camera = Camera.from_pixels(torch.tensor([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]]), size)
        said = "--intrinsics as given"
    else:
        camera, said = Camera.from_fov(source, frames.size), "--fov-deg as given"
    check_camera(camera, frames.size, said)
    write_camera(frames.folder.parent / CAMERA_FILE, camera, frames.size, lens=lens)
    return CameraFound("given", horizontal_fov_deg(camera), said)


def beside(clip: Path) -> Path | None:
    """The camera file that lies in a folder of frames or above it."""
    if not clip.is_dir():
        return None
    found = find_camera_file(clip, clip.resolve().parent)
    return found if found.is_file() else None


def found_camera(frames: FrameFolder, way: Way, fov_deg: float | None, seed: int, trains: bool) -> CameraFound:
    """Find the camera by structure from motion, or prepare a training that learns it; the file lies above the frames.

    `auto` takes structure from motion where that works. Where frames could not be put together, or pycolmap is missing,
    the stated field of view is taken, or, if nobody stated one, the training learns it. Where the clip holds no
    information on it, or nothing is trained, the stated one stays, or 60 degrees.
    """
    out = frames.folder.parent / CAMERA_FILE
    out.unlink(missing_ok=True)  # of a call that was stopped
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
    # A learned focal length has no error bar: people know theirs better, if they know it at all.
    if way == "stated" or not trains or (way == "auto" and fov_deg):
        return CameraFound("stated", guess, stated, sure=False)
    return CameraFound("learned", guess, f"learned in the training, from {guess:g} degrees ({stated})", sure=False)


def learned(first_guess: CameraFound, fov_deg: float) -> CameraFound:
    """What a training made of a first guess.

    On the one clip where it was measured it was 15 % off half-way and 0.3 % at the end.
    """
    said = f"{first_guess.said}; a learned focal length has no error bar, and is only right after a whole training"
    if fov_deg > _RUN_AWAY_DEG:
        said += ", and one as short as this has probably run away: find out the field of view and give --fov-deg"
    return replace(first_guess, fov_deg=fov_deg, said=said)


def _of(searched: ClipCamera) -> CameraFound | None:
    """What structure from motion found, if it may be used."""
    estimate = searched.estimate
    if not searched.is_estimate or estimate.fov_deg is None:
        return None
    sure = estimate.verdict is Verdict.RELIABLE
    said = f"by structure from motion, {estimate.verdict.value}: {estimate.reason}"
    return CameraFound("sfm", estimate.fov_deg, said, estimate.fov_sigma_deg, sure)
