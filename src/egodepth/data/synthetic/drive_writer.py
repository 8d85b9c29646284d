"""Writing one drive to disk, whole or not at all."""

import os
import shutil
from pathlib import Path

import numpy as np
import torch

from egodepth.data.cameras import CAMERA_FILE, write_camera
from egodepth.data.images import write_image
from egodepth.data.synthetic.description import DEPTH, DEPTH_STEPS, IMAGES, MASK_BITS, MASKS, PARTNER, POSES_FILE
from egodepth.data.synthetic.render import RenderedFrame, render_frames
from egodepth.data.synthetic.street import BASELINE, Street
from egodepth.files import write_text
from egodepth.geometry.camera import Camera


def write_drive(folder: Path, street_seed: int, frames: int, size: tuple[int, int], partner: bool) -> None:
    """Render a drive into a folder beside `folder`, then rename it.

    Raises:
        InputError: the disk is full or may not be written to.
    """
    beside = folder.with_name(folder.name + ".partial")
    shutil.rmtree(beside, ignore_errors=True)
    street = Street(street_seed, frames)
    camera = Camera(torch.from_numpy(street.focal), torch.from_numpy(street.centre))
    write_camera(beside / CAMERA_FILE, camera, size, baseline_m=BASELINE if partner else None)
    poses = []
    for index, frame in enumerate(render_frames(street, range(frames), size, partner)):
        _write_frame(beside, f"{index:06d}.png", frame)
        poses.append(" ".join(repr(float(value)) for value in frame.world_from_camera[:3].ravel()))
    write_text(beside / POSES_FILE, "\n".join(poses) + "\n")
    os.replace(beside, folder)


def _write_frame(folder: Path, name: str, frame: RenderedFrame) -> None:
    """The images of one frame, each in its own sub-folder."""
    write_image(folder / IMAGES / name, frame.image)
    if frame.partner is not None:
        write_image(folder / PARTNER / name, frame.partner)
    write_image(folder / DEPTH / name, np.rint(frame.depth * DEPTH_STEPS).astype(np.uint16))
    bits = np.zeros(frame.depth.shape, np.uint8)
    for mask, bit in MASK_BITS.items():
        bits |= np.where(frame.masks[mask], np.uint8(bit), np.uint8(0))
    write_image(folder / MASKS / name, bits)
