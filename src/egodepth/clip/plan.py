"""What training suits a recording: its size, and how far apart the frames are that it compares."""

from dataclasses import replace
from math import log
from pathlib import Path
from typing import TYPE_CHECKING

import timm
from huggingface_hub import try_to_load_from_cache

from egodepth.config import TrainConfig
from egodepth.errors import InputError
from egodepth.recipes import recipe
from egodepth.train import pick_device
from egodepth.weights import load_model

if TYPE_CHECKING:
    from egodepth.clip.command import VideoToDepth

EXTRACT_MOTION = 0.005
"""Motion from one extracted frame to the next, share of the width: little, so that there are many to learn from."""
TRAIN_MOTION = 0.045
"""Motion from a frame to the neighbours that it is compared with: what the recipe for real streets has."""
TRAIN_SECONDS = 0.3
"""The same in time, at most: where most of the image is far away, as on a motorway, little moves there, while the road
in front of the camera is another one after a second (measured: nothing was learned from neighbours 0.8 s away)."""
MOST_APART = 8
"""Frames to a neighbour, at most: less than the gap that extracting leaves where there is a break."""
_PIXELS = {"cpu": 15_000, "cuda": 123_000}
"""Of the images to train on, about: minutes on two cores, or the size that is usual on a GPU."""
_TUNED_STEPS, _TUNED_RATE = 1200, 3e-4
"""From given weights: fewer and smaller steps (recipe `street-clip-tuned`)."""


def network_size(size: tuple[int, int], device: str) -> tuple[int, int]:
    """(height, width) in multiples of 32 of nearly the shape of a frame, and with pixels that a device can train on."""
    pixels, shape = _PIXELS.get(device, _PIXELS["cuda"]), size[1] / size[0]
    sides = range(64, 2049, 32)

    def badness(height: int, width: int) -> float:
        return abs(log(width / height / shape)) + abs(log(height * width / pixels)) / 2

    return min(((height, width) for height in sides for width in sides), key=lambda sides: badness(*sides))


def frames_apart(spacing: float, seconds: float) -> int:
    """How many extracted frames to a neighbour, from the motion between two of them and the time."""
    return max(1, min(MOST_APART, round(TRAIN_MOTION / spacing), int(TRAIN_SECONDS / seconds + 1e-6)))


def training_plan(
    command: "VideoToDepth", folders: list[Path], shape: tuple[int, int], apart: int, learned_camera: bool
) -> TrainConfig:
    """The configuration for extracted frames.

    Args:
        command: what was asked for. With weights to start from, their encoder and depth limits are taken, too; without,
            the encoder starts from timm's ImageNet weights if they are on this machine.
        folders: of frames.
        shape: (height, width) of the frames.
        apart: how many frames to a neighbour.
        learned_camera: learn the focal length, from the camera file's on.

    Raises:
        InputError: the weights cannot be read, or their networks not be trained here.
    """
    base, device = recipe("street-clip"), pick_device(command.device)
    data = replace(
        base.data,
        path=tuple(str(folder) for folder in folders),
        test_set="none",  # whose recording this is, is the user's business
        size=command.size or network_size(shape, device.type),
        offsets=(-apart, apart),
        camera="learned" if learned_camera else "true",
    )
    model, optimiser, trainer = base.model, base.optimiser, base.trainer
    if command.init_from:
        card = load_model(command.init_from).card.unscaled()
        model = replace(card.network, pretrained=False, pose=card.network.pose if card.has_pose_net else model.pose)
        known = card.has_pose_net
        optimiser = replace(optimiser, learning_rate=_TUNED_RATE, pose_first=0.0 if known else optimiser.pose_first)
        trainer = replace(trainer, steps=_TUNED_STEPS)
    else:
        model = replace(model, pretrained=_has_imagenet_weights())
    steps = command.steps or trainer.steps
    trainer = replace(
        trainer,
        steps=steps,
        seed=command.seed,
        device=str(device),
        validate_every=min(trainer.validate_every, steps),
    )
    init_from = command.init_from or ""
    return replace(base, data=data, model=model, optimiser=optimiser, trainer=trainer, init_from=init_from)


def _has_imagenet_weights() -> bool:
    """Whether timm's weights of the recipe's encoder are on this machine already: asking the hub takes a minute."""
    known = timm.get_pretrained_cfg(recipe("street-clip").model.encoder)
    name = known.hf_hub_id if known else None
    return isinstance(name, str) and isinstance(try_to_load_from_cache(name, "model.safetensors"), str)


def check_apart(rows: list[int], apart: int) -> int:
    """`apart`, or less where no row of so many frames has a frame with both neighbours.

    Raises:
        InputError: no row has three frames.
    """
    longest = max(rows, default=0)
    if longest < 3:
        raise InputError("no three frames in a row to learn from; record longer while moving")
    return max(1, min(apart, (longest - 1) // 2))
