"""Write one drive to disk, completely or not at all."""

import os
import shutil
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from egodepth.data.cameras import CAMERA_FILE, write_camera
from egodepth.data.readers.rendered_set import DEPTH, DEPTH_STEPS, IMAGES, MASK_BITS, MASKS, PARTNER, POSES_FILE
from egodepth.foundation.files import not_written, write_text
from egodepth.geometry.camera import Camera
from egodepth.synthetic.render import RenderedFrame, render_frames
from egodepth.synthetic.street import BASELINE, Street


def write_drive(
    folder: Path,
    street_seed: int,
    frames: int,
    size: tuple[int, int],
    partner: bool,
    focal: tuple[float, float] | None = None,
    winding: float = 1.0,
) -> None:
    """Render a drive into a folder beside `folder`, then rename it.

    Args:
        folder: the folder of this drive; must not exist.
        street_seed: the seed of the street.
        frames: number of frames.
        size: (height, width) of the images.
        partner: whether to render the stereo partner's images.
        focal: focal length in shares of the image's width and height; None: the street's own, near KITTI's.
        winding: factor on the curvature of the road.

    Raises:
        InputError: the disk is full or cannot be written to.
    """
    beside = folder.with_name(folder.name + ".partial")
    try:
        shutil.rmtree(beside, ignore_errors=True)
        for kind in (IMAGES, PARTNER, DEPTH, MASKS) if partner else (IMAGES, DEPTH, MASKS):
            (beside / kind).mkdir(parents=True)
        _write_into(beside, Street(street_seed, frames, focal, winding), size, partner)
        os.replace(beside, folder)
    except OSError as error:
        raise not_written(folder, error) from error


def _write_into(folder: Path, street: Street, size: tuple[int, int], partner: bool) -> None:
    """Write camera, frames and poses of a drive."""
    camera = Camera(torch.from_numpy(street.focal), torch.from_numpy(street.centre))
    write_camera(folder / CAMERA_FILE, camera, size, baseline_m=BASELINE if partner else None)
    poses = []
    for index, frame in enumerate(render_frames(street, range(street.frames), size, partner)):
        _write_frame(folder, f"{index:06d}.png", frame)
        poses.append(" ".join(repr(float(value)) for value in frame.world_from_camera[:3].ravel()))
    write_text(folder / POSES_FILE, "\n".join(poses) + "\n")


def _write_frame(folder: Path, name: str, frame: RenderedFrame) -> None:
    """Write the images of one frame, each to its own sub-folder."""
    bits = np.zeros(frame.depth.shape, np.uint8)
    for mask, bit in MASK_BITS.items():
        bits |= np.where(frame.masks[mask], np.uint8(bit), np.uint8(0))
    depth = np.rint(frame.depth * DEPTH_STEPS).astype(np.uint16)
    for kind, array in ((IMAGES, frame.image), (PARTNER, frame.partner), (DEPTH, depth), (MASKS, bits)):
        if array is not None:
            # Compression level 1 is four times as fast as the default, and files grow by a tenth.
            Image.fromarray(array).save(folder / kind / name, compress_level=1)
