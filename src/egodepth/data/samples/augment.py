"""Batched augmentation on the device: zooms and flips, which also change the cameras, and colour jitter.

The colour jitter (brightness, contrast, saturation, hue in random order) is composed to one affine map of colour per
sample, the same for all its frames. It needs one pass over the pixels instead of four. The hue rotates about the grey
axis, and values are clamped once.
"""

import math
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Num
from torch import Tensor
from torch.nn.functional import interpolate

from egodepth.config import DataConfig
from egodepth.data.batch import Batch, Hints, RigView, View
from egodepth.data.samples.pasting import drawn_windows
from egodepth.data.samples.sampler import RawBatch
from egodepth.data.samples.unpack import can_unpack, unpack
from egodepth.geometry import Camera, mirrored_transform
from egodepth.geometry.camera import image_grid
from egodepth.geometry.warp import sample as sample_image

_GREY = (0.299, 0.587, 0.114)
_STRENGTH = np.array([0.2, 0.2, 0.2, 0.1])
"""Range of brightness, contrast and saturation: 1 +- 0.2 (times the configured strength); of hue: +- 0.1 of a turn."""


class Draws(NamedTuple):
    """The random values of a batch."""

    part: Float[Tensor, "b 3"]
    """Left, top and side of the crop; the side is the same share of width and height."""
    flip: Bool[Tensor, " b"]
    jitter: Bool[Tensor, " b"]
    factors: Float[Tensor, "b 4"]
    """Brightness, contrast, saturation (around 1), hue (in turns, around 0)."""
    order: np.ndarray
    """Order in which the four changes are applied, `b 4`."""
    paste: Float[Tensor, "b t 5"]
    """Windows of `egodepth.data.samples.pasting`."""

    def of(self, part: slice) -> "Draws":
        """Return the values of a part of the samples."""
        return Draws(
            self.part[part],
            self.flip[part],
            self.jitter[part],
            self.factors[part],
            self.order[part],
            self.paste[part],
        )


def draw(seed: int, step: int, batch_size: int, config: DataConfig) -> Draws:
    """Return the random values of a step, a pure function of its arguments (`zoom`, `flip`, `jitter...`)."""
    generator = np.random.default_rng([seed, step, 1])
    chance = generator.random((batch_size, 2))
    strength = _STRENGTH * np.array([config.jitter_strength] * 3 + [1.0])
    factors = generator.uniform(-1, 1, (batch_size, 4)) * strength + np.array([1, 1, 1, 0])
    order = generator.permuted(np.tile(np.arange(4), (batch_size, 1)), axis=1)
    side = 1 / generator.uniform(1, config.zoom, (batch_size, 1))
    corner = generator.random((batch_size, 2)) * (1 - side)
    return Draws(
        torch.from_numpy(np.concatenate([corner, side], 1)).float(),
        torch.from_numpy(chance[:, 0] < config.flip),
        torch.from_numpy(chance[:, 1] < config.jitter),
        torch.from_numpy(factors).float(),
        order,
        torch.from_numpy(drawn_windows(generator, batch_size, config.paste)).float(),
    )


def to_batch(raw: RawBatch, draws: Draws, stereo: bool, learns_known: bool = False) -> tuple[Batch, list[Tensor]]:
    """Return the clean batch, zoomed and mirrored as drawn, and the jittered images for the networks.

    Args:
        raw: stored frames.
        draws: random values of the step.
        stereo: whether the last frame of a sample is that of the stereo partner.
        learns_known: whether the networks read the neighbours although their poses are known.
    """
    part, flip = draws.part.to(raw.images.device), draws.flip.to(raw.images.device)
    given = raw.neighbours_from_target.shape[1]
    images, seen = _images(raw.images, part, draws, 1 if given and not learns_known else raw.images.shape[1] - stereo)
    camera = _mirrored_where(flip, _camera_of_part(Camera(raw.focal, raw.centre), part))
    rig = []
    if stereo:
        pose = torch.where(flip[:, None, None], mirrored_transform(raw.partner_from_target), raw.partner_from_target)
        partner = _mirrored_where(flip, _camera_of_part(Camera(raw.partner_focal, raw.partner_centre), part))
        rig = [RigView(View(images[-1], partner), pose)]
    views = images[: len(images) - len(rig)]
    neighbours = [View(image, camera) for image in views[1:]]
    if given:
        poses = torch.where(
            flip[:, None, None, None], mirrored_transform(raw.neighbours_from_target), raw.neighbours_from_target
        )
        rig = [RigView(view, pose) for view, pose in zip(neighbours, poses.unbind(1), strict=True)] + rig
        neighbours = []
    present = raw.present if raw.present.shape[1] else None
    hints = raw.hints and _moved_hints(raw.hints, part, flip)
    return Batch(View(views[0], camera), neighbours, rig, present, hints), list(seen)


def shrunk(batch: Batch, seen: list[Tensor]) -> tuple[Batch, list[Tensor]]:
    """Return the batch and the networks' images, resized to `small_size`; hints by nearest neighbour."""
    size = small_size((batch.target.image.shape[-2], batch.target.image.shape[-1]))

    def view(large: View) -> View:
        return View(_smaller(large.image, size), large.camera)

    neighbours = [view(neighbour) for neighbour in batch.neighbours]
    rig = [RigView(view(one.view), one.source_from_target) for one in batch.rig]
    hints = batch.hints and batch.hints._replace(
        **{
            name: interpolate(maps[:, None], size, mode="nearest-exact")[:, 0]
            for name in ("inverse_depth", "weight", "teacher", "road")
            if (maps := getattr(batch.hints, name)).numel()
        }
    )
    return Batch(view(batch.target), neighbours, rig, batch.present, hints), [_smaller(image, size) for image in seen]


def small_size(size: tuple[int, int]) -> tuple[int, int]:
    """Return two thirds of a (height, width), in multiples of 32, and at least 64."""
    height, width = (max(64, 32 * round(side / 48)) for side in size)
    return height, width


def _smaller(images: Float[Tensor, "b 3 h w"], size: tuple[int, int]) -> Float[Tensor, "b 3 H W"]:
    return interpolate(images, size, mode="bilinear", align_corners=False, antialias=True)


def _moved_hints(hints: Hints, part: Float[Tensor, "b 3"], flip: Bool[Tensor, " b"]) -> Hints:
    """Return the hints after the zoom and the flip of their frames.

    A zoom changes the focal length, not the depth. Each pixel takes the nearest hint, because interpolation would be
    wrong at edges of depth.
    """

    def moved(maps: Float[Tensor, "b h w"]) -> Float[Tensor, "b h w"]:
        if not maps.numel():
            return maps
        b, h, w = maps.shape
        corner, side = part[:, :2], part[:, 2:]
        u = (torch.arange(w, device=maps.device) + 0.5) / w
        v = (torch.arange(h, device=maps.device) + 0.5) / h
        column = ((corner[:, :1] + side * torch.where(flip[:, None], 1 - u, u)) * w).long().clamp(0, w - 1)
        row = ((corner[:, 1:] + side * v) * h).long().clamp(0, h - 1)
        return maps[torch.arange(b, device=maps.device)[:, None, None], row[:, :, None], column[:, None, :]]

    return hints._replace(
        inverse_depth=moved(hints.inverse_depth),
        weight=moved(hints.weight),
        teacher=moved(hints.teacher),
        road=moved(hints.road),
    )


def _images(
    stored: Num[Tensor, "b n h w 3"], part: Float[Tensor, "b 3"], draws: Draws, seen_views: int
) -> tuple[Float[Tensor, "n b 3 h w"], Float[Tensor, "v b 3 h w"]]:
    """Return the frames, zoomed and mirrored as drawn, and the first v of them, jittered as drawn."""
    zoom = bool((draws.part[:, 2] < 1).any())  # the draws are on the CPU, so that this does not wait for a GPU
    jitter = bool(draws.jitter.any())
    if not zoom and can_unpack(stored):
        return unpack(stored, draws.flip, _colour_maps(draws) if jitter else None, seen_views)
    images = stored.permute(1, 0, 4, 2, 3)
    if zoom:
        images = _zoomed(images.transpose(0, 1).float() / 255, part).transpose(0, 1)
    images = images.contiguous()  # bytes without zoom: a quarter of the memory of floats
    for sample in draws.flip.nonzero()[:, 0].tolist():
        images[:, sample] = images[:, sample].flip(-1)
    images = images if images.is_floating_point() else images.float().div_(255)
    return images, _jittered(images[:seen_views], draws) if jitter else images[:seen_views]


def _zoomed(images: Float[Tensor, "b n 3 h w"], part: Float[Tensor, "b 3"]) -> Float[Tensor, "b n 3 h w"]:
    """Return the same crop of all n frames of a sample, resized to the frames' size."""
    size = (images.shape[-2], images.shape[-1])
    uv = part[:, :2, None, None] + part[:, 2:, None, None] * image_grid(size, images)
    return sample_image(images.flatten(1, 2), uv).view_as(images)


def _camera_of_part(camera: Camera, part: Float[Tensor, "b 3"]) -> Camera:
    """Return the camera of a crop."""
    corner, side = part[:, :2], part[:, 2:]
    return Camera(camera.focal / side, (camera.centre - corner) / side)


def _mirrored_where(flip: Bool[Tensor, " b"], camera: Camera) -> Camera:
    return Camera(*(torch.where(flip[:, None], m, c) for m, c in zip(camera.mirrored(), camera, strict=True)))


def _jittered(views: Float[Tensor, "n b 3 h w"], draws: Draws) -> Float[Tensor, "n b 3 h w"]:
    """Apply the same colour map to all n frames of a sample."""
    matrix, of_mean = _colour_maps(draws).to(views.device).chunk(2, -1)
    offset = of_mean @ views[0].mean((2, 3))[:, :, None]
    mixed = torch.empty_like(views)
    for seen, view in zip(mixed, views, strict=True):
        torch.bmm(matrix, view.flatten(2), out=seen.flatten(2))
    return mixed.add_(offset[..., None]).clamp_(0, 1)


def _colour_maps(draws: Draws) -> Float[Tensor, "b 3 6"]:
    """Return the composed four changes of each sample: colour -> map[:, :3] @ colour + map[:, 3:] @ mean of the target.

    Contrast scales around the grey value of the mean colour after the changes before it. This mean is linear in the
    original mean, so the maps do not depend on the image.
    """
    brightness, contrast, saturation, hue = draws.factors.numpy()[:, :, None, None].swapaxes(0, 1)
    own, grey = np.eye(3, dtype=np.float32), np.tile(np.array(_GREY, np.float32), (3, 1))
    turns = np.stack([brightness * own, contrast * own, saturation * own + (1 - saturation) * grey, _hue(hue)])
    pull = (1 - contrast) * grey
    maps = np.tile(np.eye(3, 6, dtype=np.float32), (len(draws.order), 1, 1))
    for change in draws.order.T:
        mean = maps[:, :, :3] + maps[:, :, 3:]
        maps = turns[change, np.arange(len(maps))] @ maps
        maps[:, :, 3:] += (change == 1)[:, None, None] * (pull @ mean)
    maps[~draws.jitter.numpy()] = np.eye(3, 6)
    return torch.from_numpy(maps)


def _hue(turns: Float[np.ndarray, "b 1 1"]) -> Float[np.ndarray, "b 3 3"]:
    """Return the rotation of colour about the grey axis (1, 1, 1), by Rodrigues' formula."""
    angle, own = 2 * math.pi * turns, np.eye(3, dtype=np.float32)
    cross = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]], np.float32) / np.float32(math.sqrt(3))
    return np.cos(angle) * own + (1 - np.cos(angle)) / 3 + np.sin(angle) * cross
