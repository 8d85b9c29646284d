"""What is known of a frame after the first look, kept in a file each: depth, and what speaks against it."""

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
"""Pixels, about, at which a frame's depth is compared with the next one's."""


class FrameMaps(NamedTuple):
    """Of one frame, at the size of the network; depth as predicted, in the scale of this frame alone."""

    seconds: float
    row: int
    """Of the extracted frames around it; -1 where the camera's way is not known."""
    inverse_depth: Float32[np.ndarray, "h w"]
    disagreement: Float16[np.ndarray, "h w"]
    """|log| of the depth that the image gets over the one that its mirror image gets."""
    residual: Float16[np.ndarray, "h w"]
    """Photometric error of the neighbours warped here, the smaller of the two; NaN where none sees the point."""
    unwarped: Float16[np.ndarray, "h w"]
    """The same of the neighbours as they are: what depth and motion have to beat."""
    change: Float16[np.ndarray, " k"]
    """log of the next frame's depth over what this one's and the motion make of it; NaN outside, empty at a row's end.
    """

    def write(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        write_arrays(path, self._asdict())

    @classmethod
    def read(cls, path: Path) -> "FrameMaps":
        """Read what `write` wrote; `InputError` where that is damaged."""
        values = read_arrays(path)
        return cls(**values | {"seconds": float(values["seconds"]), "row": int(values["row"])})


def maps_path(folder: Path, place: int) -> Path:
    """The file of a frame."""
    return folder / f"{place:06d}.npz"


def photometric_residual(
    target: Float[Tensor, "3 h w"],
    inverse_depth: Float[Tensor, "h w"],
    sources: list[tuple[Float[Tensor, "3 h w"], Float[Tensor, "4 4"]]],
    camera: Camera,
) -> Float[Tensor, "h w"]:
    """The smallest photometric error of sources (image, source_from_target) warped here; NaN where none sees it."""
    depth, smallest = 1 / inverse_depth[None], torch.full_like(inverse_depth, torch.inf)
    for image, pose in sources:
        uv, _, inside = seen_from(depth, pose, camera)
        error = photometric_error(target[None], sample(image[None], uv))[0]
        smallest = torch.where(inside, torch.minimum(smallest, error), smallest)
    return smallest.masked_fill(smallest.isinf(), torch.nan)


def unwarped_error(target: Float[Tensor, "3 h w"], sources: list[Float[Tensor, "3 h w"]]) -> Float[Tensor, "h w"]:
    """The smallest photometric error of sources as they are; NaN without any."""
    if not sources:
        return torch.full(target.shape[1:], torch.nan)
    return torch.stack([photometric_error(target[None], image[None])[0] for image in sources]).amin(0)


def depth_change(
    inverse_depth: Float[Tensor, "h w"],
    following: Float[Tensor, "h w"],
    pose: Float[Tensor, "4 4"],
    camera: Camera,
) -> Float[Tensor, " k"]:
    """Log of the next frame's depth over what this one's and the motion make of it, at pixels evenly spread.

    Args:
        inverse_depth: of this frame.
        following: inverse depth of the next one.
        pose: next_from_this.
        camera: of both, unbatched.
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
    """Where another view sees each pixel's point, at which depth, and whether that is before it and in its image.

    The camera is that of both views, unbatched.
    """
    camera = Camera(camera.focal[None], camera.centre[None])
    points = transform_points(pose[None], backproject(depth, camera))
    uv = project(points, camera)
    return uv, points[:, 2], ((uv > 0) & (uv < 1)).all(1)[0] & (points[0, 2] > 0)
