"""Frame pairs of a drive: compare a model's depth with the motion between two images, whose length is known.

The motion comes from blocks that are followed between the frames, not from a pose network: a pose network serves its
own training, which hardly changes if all translations are 10 % too long.
"""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Float32, Float64, UInt8
from torch import Tensor

from egodepth.config import MINIMUM_MOTION
from egodepth.data.drive import Drive
from egodepth.data.footage.motion import LARGE_ITERATIONS, block_flow
from egodepth.data.samples.static_frames import small_grey
from egodepth.geometry import Camera
from egodepth.geometry.two_views import relative_pose
from egodepth.inference.predictor import DepthPredictor, at_size, resized_for
from egodepth.video.scale.parallax import Factors, pixel_factors

FLOW_WIDTH = 960
"""Width of the grey images in which blocks are followed: a tenth of a pixel is a direction to a degree or two."""
LEAST_MATCHED = 0.15
"""Least share of textured blocks that must be found again. It is at least .28 for rendered streets at an offset of
three frames, and at most .09 for unrelated images."""
SWEEP_PIXELS = 60_000
"""Approximate number of pixels of the images in which pixels are found again."""


class Pair(NamedTuple):
    """An image, the model's depth of it, and the factors that another image gives."""

    depth: Float[Tensor, "h w"]
    """Depth in the model's units, at the size of the factors."""
    factors: Factors
    """Factors of the pixels: units of the motion per unit of the depth."""


def stereo_pair(predictor: DepthPredictor, drive: Drive, frame: int) -> Pair:
    """Return the pair of a frame and its stereo partner: factors are metres per unit."""
    assert drive.partner_camera is not None
    assert drive.partner_from_self is not None
    images = [drive.read_image(frame), drive.read_image(frame, partner=True)]
    pose = torch.from_numpy(drive.partner_from_self)
    return _pair(predictor, images, (drive.camera, drive.partner_camera), pose)


def moving_pair(predictor: DepthPredictor, drive: Drive, frame: int, offset: int) -> Pair | None:
    """Return the pair of two frames of a drive: factors are distances moved per unit; None without a detected motion.

    The depth is that of the frame farther ahead, whose content is in the other one's view, too.
    """
    earlier, later = drive.read_image(frame), drive.read_image(frame + offset)
    motion = motion_between(earlier, later, drive.camera)
    if motion is None:
        return None
    if motion[2, 3] < 0:
        earlier, later, motion = later, earlier, motion.inverse()
    return _pair(predictor, [earlier, later], (drive.camera, drive.camera), motion.float())


def motion_between(
    first: UInt8[np.ndarray, "h w 3"], second: UInt8[np.ndarray, "h w 3"], camera: Camera
) -> Float[Tensor, "4 4"] | None:
    """Return second_from_first with a translation of length 1, float64; None if no motion is detected.

    If the camera only turns, the direction is arbitrary; then no pixel gets a certain factor.
    """
    earlier, later = small_grey(first, FLOW_WIDTH), small_grey(second, FLOW_WIDTH)
    flow = block_flow(earlier, later, LARGE_ITERATIONS)
    if not flow.matched >= LEAST_MATCHED or flow.least < MINIMUM_MOTION:
        return None
    positions = flow.position, flow.position + flow.shift
    return relative_pose(*(_rays(position, earlier.shape, camera) for position in positions))


def _rays(position: Float32[np.ndarray, "n 2"], size: tuple[int, ...], camera: Camera) -> Float64[Tensor, "n 3"]:
    """Return viewing rays of positions as in `Flow`: from the image centre, in shares of the image's width."""
    uv = torch.from_numpy(position).double() * torch.tensor([1, size[1] / size[0]]) + 0.5
    return torch.cat([(uv - camera.centre) / camera.focal, torch.ones_like(uv[:, :1])], 1)


def _pair(
    predictor: DepthPredictor,
    images: list[UInt8[np.ndarray, "h w 3"]],
    cameras: tuple[Camera, Camera],
    other_from_target: Float[Tensor, "4 4"],
) -> Pair:
    height, width = images[0].shape[:2]
    share = min(1.0, (SWEEP_PIXELS / (height * width)) ** 0.5)
    size = round(height * share), round(width * share)
    target, other = (torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255 for image in images)
    depth = 1 / at_size(predictor.inverse_depth(target), size)
    own, partner = (Camera(camera.focal[None], camera.centre[None]) for camera in cameras)
    factors = pixel_factors(
        resized_for(size, target), resized_for(size, other), depth, (own, partner), other_from_target[None]
    )
    return Pair(depth[0], factors)
