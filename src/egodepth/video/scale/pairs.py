"""Two frames of a drive, what the motion between them says of a model's depth, and how far the camera moved.

The motion comes from blocks that are followed from one frame to the other, not from a pose network: that one is right
for the training's own purpose, which hardly minds if all translations are 10 % too long.
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
"""Of the grey images in which blocks are followed: a tenth of a pixel of them is a direction to a degree or two."""
LEAST_MATCHED = 0.15
"""Share of the textured blocks that have to be found again: of rendered streets three frames apart .28 are at least, of
images that have nothing to do with one another .09 at most."""
SWEEP_PIXELS = 60_000
"""Of the images in which pixels are found again, about."""


class Pair(NamedTuple):
    """An image, its depth by the model, and what another image says of it."""

    depth: Float[Tensor, "h w"]
    """In units, at the size at which pixels were found again."""
    factors: Factors
    """Of the pixels: unit of the motion in one of the depth."""


def stereo_pair(predictor: DepthPredictor, drive: Drive, frame: int) -> Pair:
    """A frame and its stereo partner's: factors are metres in a unit."""
    assert drive.partner_camera is not None
    assert drive.partner_from_self is not None
    images = [drive.read_image(frame), drive.read_image(frame, partner=True)]
    pose = torch.from_numpy(drive.partner_from_self)
    return _pair(predictor, images, (drive.camera, drive.partner_camera), pose)


def moving_pair(predictor: DepthPredictor, drive: Drive, frame: int, apart: int) -> Pair | None:
    """Two frames of a drive: factors are distances moved in a unit; None where `motion_between` tells no motion.

    Of the two, that one is looked at that is farther ahead: what it shows is in the other one's view, too.
    """
    earlier, later = drive.read_image(frame), drive.read_image(frame + apart)
    motion = motion_between(earlier, later, drive.camera)
    if motion is None:
        return None
    if motion[2, 3] < 0:
        earlier, later, motion = later, earlier, motion.inverse()
    return _pair(predictor, [earlier, later], (drive.camera, drive.camera), motion.float())


def motion_between(
    first: UInt8[np.ndarray, "h w 3"], second: UInt8[np.ndarray, "h w 3"], camera: Camera
) -> Float[Tensor, "4 4"] | None:
    """second_from_first with a translation of length 1, float64; None where the camera stands or little is found again.

    Where it only turns, any direction is what is told: what it says of depth is not sure then of any pixel.
    """
    earlier, later = small_grey(first, FLOW_WIDTH), small_grey(second, FLOW_WIDTH)
    flow = block_flow(earlier, later, LARGE_ITERATIONS)
    if not flow.matched >= LEAST_MATCHED or flow.least < MINIMUM_MOTION:
        return None
    positions = flow.position, flow.position + flow.shift
    return relative_pose(*(_rays(position, earlier.shape, camera) for position in positions))


def _rays(position: Float32[np.ndarray, "n 2"], size: tuple[int, ...], camera: Camera) -> Float64[Tensor, "n 3"]:
    """Viewing rays of positions as `Flow` has them: from the middle of the image, in shares of its width."""
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
