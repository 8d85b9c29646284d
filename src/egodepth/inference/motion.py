"""Predict the trajectory of a drive by a model's pose network."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor

from egodepth.foundation.errors import InputError
from egodepth.geometry import transform_from_axis_angle
from egodepth.inference.predictor import resized_for
from egodepth.networks import disparity_to_depth, translation_in_depth_units
from egodepth.weights import DepthModel
from egodepth.weights.exported.runtime import ExportedModel

_PAIRS = 8
"""Number of frame pairs in one batch of the networks."""


class MotionPredictor:
    """Predictor of the motion between two frames of one camera, in the units of the model's depth."""

    def __init__(self, model: DepthModel | ExportedModel, size: tuple[int, int] | None = None) -> None:
        """Wrap a model on its device, and set it to evaluation mode.

        Raises:
            InputError: it has no pose network (trained with stereo alone, imported without, or exported).
        """
        if isinstance(model, ExportedModel) or model.pose_net is None:
            raise InputError(
                "this model has no pose network (trained on stereo pairs alone or with given poses, imported "
                "without it, or exported); use another"
            )
        self.model, self.pose_net = model.eval(), model.pose_net
        self.size = size or model.card.size

    @torch.no_grad()
    def __call__(self, earlier: Float[Tensor, "b 3 h w"], later: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 4 4"]:
        """Return later_from_earlier of pairs of images in [0, 1], on the CPU; in metres if the model is metric."""
        device = next(self.model.parameters()).device
        frames = [resized_for(self.size, images.to(device)) for images in (earlier, later)]
        card, network = self.model.card, self.model.card.network
        median = card.depth_scaling == "median"
        depth = None
        if median or self.pose_net.translation_times_inverse_depth:
            depth = disparity_to_depth(self.model(frames[0])[0], network.min_depth, network.max_depth)
        if self.pose_net.reads_features:
            frames = [self.model.depth_net.encoder(frame)[-1] for frame in frames]
        axis_angle, translation = self.pose_net(*frames)
        translation = translation_in_depth_units(self.pose_net, translation, depth, network, median)
        if median and depth is not None:
            translation = translation * depth.flatten(1).median(1).values[:, None]
        return transform_from_axis_angle(axis_angle, translation * card.scale.motion).cpu()


def trajectory(
    motion: MotionPredictor, frames: Sequence[int], read: Callable[[int], Float[Tensor, "3 h w"]]
) -> Iterator[Float64[np.ndarray, "4 4"]]:
    """Yield the world-from-camera pose of consecutive frames; the world has the axes of the first camera.

    Args:
        motion: predicts the motion between neighbours.
        frames: the frame numbers, in order.
        read: returns the image of a frame in [0, 1]; called once per frame.
    """
    pose = np.eye(4)
    yield pose
    waiting: list[tuple[Tensor, Tensor]] = []
    images = (read(frame) for frame in frames)
    for position, pair in enumerate(pairwise(images), 2):
        waiting.append(pair)
        if len(waiting) == _PAIRS or position == len(frames):
            for later_from_earlier in motion(*(torch.stack(side) for side in zip(*waiting, strict=True))):
                pose = pose @ np.linalg.inv(later_from_earlier.double().numpy())
                yield pose
            waiting = []
