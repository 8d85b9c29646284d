"""Render one frame: image, exact depth, pose, stereo partner and masks."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, UInt8

from egodepth.synthetic.masks import moving_mask, occluded_mask, textureless_mask
from egodepth.synthetic.raycast import Hits, cast
from egodepth.synthetic.scene import Scene
from egodepth.synthetic.shading import shade
from egodepth.synthetic.street import Street

SENSOR_NOISE = 0.0025
"""Standard deviation of image noise, as share of the full range: 0.01 for a camera with 4x4 pixels per pixel here."""


class RenderedFrame(NamedTuple):
    """Everything known about one frame of a street."""

    image: UInt8[np.ndarray, "h w 3"]
    partner: UInt8[np.ndarray, "h w 3"] | None
    """Image of the stereo partner; None if not requested."""
    depth: Float[np.ndarray, "h w"]
    """Metres along the axis at the pixel centres, exact to float32; 0 in the sky."""
    world_from_camera: Float[np.ndarray, "4 4"]
    masks: dict[str, Bool[np.ndarray, "h w"]]
    """`moving`, `occluded`, `textureless`; see `masks`."""


def render_frame(
    street: Street, frame: int, size: tuple[int, int] = (96, 320), partner: bool = False, noise: bool = True
) -> RenderedFrame:
    """Render one frame; `noise=False` omits the exposure changes and the sensor noise."""
    return next(render_frames(street, range(frame, frame + 1), size, partner, noise))


def render_frames(
    street: Street, frames: range, size: tuple[int, int], partner: bool = False, noise: bool = True
) -> Iterator[RenderedFrame]:
    """Render consecutive frames in order. Each frame is cast once, although the masks use its neighbours, too."""
    trio = [_cast(street, frames.start + step, size) for step in (-1, 0)]
    for frame in frames:
        trio = [*trio[-2:], _cast(street, frame + 1, size)]
        scene, hits = trio[1]
        q = hits.inverse_depth[0]
        yield RenderedFrame(
            image=_expose(street, shade(street, scene, street.eye(frame, size), hits), frame, 0, noise),
            partner=_partner_image(street, scene, frame, size, noise) if partner else None,
            depth=np.divide(1, q, out=np.zeros_like(q), where=q > 0),
            world_from_camera=street.camera_pose(frame),
            masks={
                "moving": moving_mask(street, scene, hits, frame),
                "occluded": occluded_mask(street, scene, hits, frame, (trio[0][1], trio[2][1])),
                "textureless": textureless_mask(scene, hits),
            },
        )


def _cast(street: Street, frame: int, size: tuple[int, int]) -> tuple[Scene, Hits]:
    scene = street.scene(frame)
    return scene, cast(scene, street.eye(frame, size))


def _partner_image(
    street: Street, scene: Scene, frame: int, size: tuple[int, int], noise: bool
) -> UInt8[np.ndarray, "h w 3"]:
    """Return the stereo partner's image of the same instant."""
    eye = street.eye(frame, size, partner=True)
    return _expose(street, shade(street, scene, eye, cast(scene, eye)), frame, 1, noise)


def _expose(
    street: Street, image: Float[np.ndarray, "h w 3"], frame: int, camera: int, noise: bool
) -> UInt8[np.ndarray, "h w 3"]:
    """Apply the sensor's exposure and noise, then convert to 8 bits."""
    if noise:
        rng = np.random.default_rng([street.seed, frame, camera])
        grain = rng.standard_normal(image.shape, dtype=np.float32)
        image = image * np.float32(street.exposure(frame)) + np.float32(SENSOR_NOISE) * grain
    return (np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8)
