"""The first pass over a recording: every frame's depth, and its agreement with the neighbours'."""

from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor

from egodepth.geometry import Camera
from egodepth.inference.predictor import DepthPredictor, blend_mirrored
from egodepth.inference.stream import Ahead, groups
from egodepth.video.camera_path import RowTrajectory
from egodepth.video.depth_maps import FrameMaps, depth_change, maps_path, photometric_residual, unwarped_error
from egodepth.video.recording import Picture, Recording

_BATCH = 4
_MOST_REACH = 16
"""Largest offset in frames between a frame and those that it is compared with."""


class _Seen(NamedTuple):
    """A frame in the window."""

    place: int
    seconds: float
    row: int
    pose: Float64[np.ndarray, "4 4"] | None
    image: Float[Tensor, "3 h w"]
    inverse_depth: Float[Tensor, "h w"]
    disagreement: Float[Tensor, "h w"]

    def from_(self, other: "_Seen") -> Float[Tensor, "4 4"]:
        """Return this_from_other, for a frame of the same row."""
        assert self.pose is not None
        assert other.pose is not None
        return torch.from_numpy(np.linalg.solve(self.pose, other.pose)).float()


def reach_of(recording: Recording, offset: int) -> int:
    """Return the offset in frames of the recording that corresponds to the training's neighbours."""
    steps = np.concatenate([np.diff(row.seconds) for row in recording.rows])
    return int(np.clip(round(offset * float(np.median(steps)) * recording.footage.rate), 1, _MOST_REACH))


def estimate_depth(
    recording: Recording,
    trajectories: list[RowTrajectory],
    predictor: DepthPredictor,
    folder: Path,
    reach: int,
    advance: Callable[[int], None],
) -> int:
    """Write the maps of every frame to a folder; maps from an earlier call are kept.

    Args:
        recording: read once, a few frames ahead.
        trajectories: the trajectories of its rows.
        predictor: predicts the depth of its frames.
        folder: the folder of the maps.
        reach: offset in frames to the two frames that a frame is compared with.
        advance: callback with the number of newly finished frames.

    Returns:
        The number of frames.
    """
    there = _there(folder)
    advance(there)
    first = max(0, there - reach - 1)
    window: deque[_Seen] = deque(maxlen=2 * reach + 1)
    poses = [trajectory.poses() for trajectory in trajectories]
    last = first - 1

    def finish(position: int) -> None:
        seen = window[position]
        if seen.place >= there:
            _maps(window, position, reach, recording.drive.camera).write(maps_path(folder, seen.place))
            advance(1)

    with Ahead(recording.pictures(first), _BATCH) as pictures:
        for group in groups(pictures, _BATCH):
            for seen in _looked_at(group, predictor, trajectories, poses):
                window.append(seen)
                last = seen.place
                # In a full window, the central frame has all its neighbours.
                if len(window) > reach:
                    finish(len(window) - 1 - reach)
    for position in range(max(0, len(window) - reach), len(window)):
        finish(position)
    return last + 1


def _there(folder: Path) -> int:
    """Return the number of existing maps without a gap, from the first on."""
    count = 0
    while maps_path(folder, count).is_file():
        count += 1
    return count


@torch.no_grad()
def _looked_at(
    pictures: list[Picture],
    predictor: DepthPredictor,
    trajectories: list[RowTrajectory],
    poses: list[Float64[np.ndarray, "_ 4 4"]],
) -> list[_Seen]:
    """Predict the depth of some frames and of their mirror images, in one batch each."""
    images = predictor.network_input([picture.image for picture in pictures])
    plain, mirrored = predictor.inverse_depth(images), predictor.inverse_depth(images.flip(-1)).flip(-1)
    disagreement = (plain / mirrored).log().abs()
    blended = blend_mirrored(plain, mirrored)
    seen = []
    for picture, image, depth, doubt in zip(pictures, images.cpu(), blended, disagreement, strict=True):
        row = next((index for index, trajectory in enumerate(trajectories) if trajectory.covers(picture.seconds)), -1)
        pose = trajectories[row].at(picture.seconds, poses[row]) if row >= 0 else None
        seen.append(_Seen(picture.place, picture.seconds, row, pose, image, depth, doubt))
    return seen


def _maps(window: deque[_Seen], position: int, reach: int, camera: Camera) -> FrameMaps:
    """Compare a frame of the window with its neighbours."""
    seen = window[position]
    beside = [window[place] for place in (position - reach, position + reach) if 0 <= place < len(window)]
    sources = [(other.image, other.from_(seen)) for other in beside if other.row == seen.row >= 0]
    residual = photometric_residual(seen.image, seen.inverse_depth, sources, camera)
    unwarped = unwarped_error(seen.image, [image for image, _ in sources])
    change = torch.empty(0)
    if position + 1 < len(window) and window[position + 1].row == seen.row >= 0:
        following = window[position + 1]
        change = depth_change(seen.inverse_depth, following.inverse_depth, following.from_(seen), camera)
    return FrameMaps(
        seen.seconds,
        seen.row,
        seen.inverse_depth.numpy(),
        seen.disagreement.half().numpy(),
        residual.half().numpy(),
        unwarped.half().numpy(),
        change.half().numpy(),
    )
