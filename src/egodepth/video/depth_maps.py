"""The maps of a frame after the first pass, one file each: depth, and the evidence for and against it."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Float16, Float32
from torch import Tensor

from egodepth.geometry import Camera, backproject, project, sample, transform_points
from egodepth.losses import photometric_error
from egodepth.video.arrays import read_arrays, write_arrays

SAMPLES = 256
"""Approximate number of pixels at which a frame's depth is compared with the next one's."""


class FrameMaps(NamedTuple):
    """Maps of one frame, at the network's size; depth as predicted, in the scale of this frame alone."""

    seconds: float
    row: int
    """Row of the extracted frames around it; -1 if the camera's pose is unknown."""
    inverse_depth: Float32[np.ndarray, "h w"]
    disagreement: Float16[np.ndarray, "h w"]
    """|log| of the ratio of the depths of the image and of its mirror image."""
    residual: Float16[np.ndarray, "h w"]
    """Photometric error of the warped neighbours, the smaller of the two; NaN where none sees the point."""
    unwarped: Float16[np.ndarray, "h w"]
    """The same for unwarped neighbours: the error without depth and motion."""
    change: Float16[np.ndarray, " k"]
    """log of the next frame's depth over the depth that this frame and the motion predict; NaN outside of the image,
    empty at a row's end."""

    def write(self, path: Path) -> None:
        """Write the file, complete or not at all."""
        write_arrays(path, self._asdict())

    @classmethod
    def read(cls, path: Path) -> "FrameMaps":
        """Read the result of `write`; `InputError` if it is damaged."""
        values = read_arrays(path)
        return cls(**values | {"seconds": float(values["seconds"]), "row": int(values["row"])})


def maps_path(folder: Path, place: int) -> Path:
    """Return the file of a frame."""
    return folder / f"{place:06d}.npz"


def photometric_residual(
    target: Float[Tensor, "3 h w"],
    inverse_depth: Float[Tensor, "h w"],
    sources: list[tuple[Float[Tensor, "3 h w"], Float[Tensor, "4 4"]]],
    camera: Camera,
) -> Float[Tensor, "h w"]:
    """Return the least photometric error of warped sources (image, source_from_target); NaN where none sees it."""
    depth, smallest = 1 / inverse_depth[None], torch.full_like(inverse_depth, torch.inf)
    for image, pose in sources:
        uv, _, inside = seen_from(depth, pose, camera)
        error = photometric_error(target[None], sample(image[None], uv))[0]
        smallest = torch.where(inside, torch.minimum(smallest, error), smallest)
    return smallest.masked_fill(smallest.isinf(), torch.nan)


def unwarped_error(target: Float[Tensor, "3 h w"], sources: list[Float[Tensor, "3 h w"]]) -> Float[Tensor, "h w"]:
    """Return the least photometric error of unwarped sources; NaN without any."""
    if not sources:
        return torch.full(target.shape[1:], torch.nan)
    return torch.stack([photometric_error(target[None], image[None])[0] for image in sources]).amin(0)


def depth_change(
    inverse_depth: Float[Tensor, "h w"],
    following: Float[Tensor, "h w"],
    pose: Float[Tensor, "4 4"],
    camera: Camera,
) -> Float[Tensor, " k"]:
    """Return the log of the next frame's depth over the predicted one, at evenly spaced pixels.

    Args:
        inverse_depth: inverse depth of this frame.
        following: inverse depth of the next frame.
        pose: next_from_this.
        camera: the camera of both, unbatched.
    """
    depth = 1 / inverse_depth[None]
    uv, expected, inside = seen_from(depth, pose, camera)
    there = 1 / sample(following[None, None], uv)[:, 0]
    change = (there / expected.clamp(min=1e-6)).log().where(inside[None], torch.nan)[0]
    step = max(1, round((change.numel() / SAMPLES) ** 0.5))
    return change[step // 2 :: step, step // 2 :: step].flatten()


def seen_from(
    depth: Float[Tensor, "1 h w"], pose: Float[Tensor, "4 4"], camera: Camera
) -> tuple[Float[Tensor, "1 2 h w"], Float[Tensor, "1 h w"], Bool[Tensor, "h w"]]:
    """Return each pixel's position and depth in another view, and whether it is in front of it and in its image.

    The camera is that of both views, unbatched.
    """
    camera = Camera(camera.focal[None], camera.centre[None])
    points = transform_points(pose[None], backproject(depth, camera))
    uv = project(points, camera)
    return uv, points[:, 2], ((uv > 0) & (uv < 1)).all(1)[0] & (points[0, 2] > 0)
