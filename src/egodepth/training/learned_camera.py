"""The camera file that a training with `data.camera learned` writes into the run folder."""

from collections.abc import Sequence
from pathlib import Path

import torch

from egodepth.data.cameras import CAMERA_FILE, FOCAL_WIDTHS, horizontal_fov_deg, read_camera, write_camera
from egodepth.data.drive import Drive
from egodepth.foundation.errors import InputError
from egodepth.geometry.camera import Camera


def corrected(camera: Camera, factor: float) -> Camera:
    """Return the camera with `factor` times its focal length."""
    return Camera(camera.focal * factor, camera.centre)


def write_learned_camera(run: Path, drives: Sequence[Drive], factor: float) -> None:
    """Write `camera.json` into a run folder if all drives have the same camera; otherwise write nothing.

    Args:
        run: the run folder.
        drives: the training drives; the camera is that of the undistorted frames.
        factor: learned factor on their focal lengths.
    """
    drive = drives[0]
    if _one_camera(drives):
        write_camera(run / CAMERA_FILE, corrected(drive.camera, factor), drive.size)


def learned_camera(run: str | Path, size: tuple[int, int]) -> Camera:
    """Return the learned camera of a run, for images of `size` (height, width) with the same aspect ratio.

    Raises:
        InputError: the run has no learned camera, it is not plausible, or the images have another aspect ratio.
    """
    file = Path(run) / CAMERA_FILE
    if not file.is_file():
        raise InputError(
            f"{file}: the run has no learned camera; train up to the first validation with --data.camera learned, on "
            "drives that all have the same camera"
        )
    return read_camera(file, size)


def description(drives: Sequence[Drive], factor: float) -> str:
    """Return the learned camera as one line of text."""
    times = f"{factor:.3f} times the given focal length"
    drive = drives[0]
    if not _one_camera(drives):
        return f"learned camera: {times}, for all cameras"
    camera = corrected(drive.camera, factor)
    widths = camera.focal[0].item()
    line = (
        f"learned camera: focal length {widths:.3f} image widths ({widths * drive.size[1]:.0f} px of {drive.size[1]}), "
        f"horizontal field of view {horizontal_fov_deg(camera):.1f} degrees, {times}"
    )
    low, high = FOCAL_WIDTHS
    return line if low <= widths <= high else f"{line}; this is not plausible: do not use it"


def _one_camera(drives: Sequence[Drive]) -> bool:
    first = drives[0]
    return all(drive.size == first.size and all(map(torch.equal, drive.camera, first.camera)) for drive in drives)
