"""What training suits a recording: its size, and how far apart the frames are that it compares."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from egodepth.config import ModelConfig, TrainConfig
from egodepth.config.recipes import recipe, tuned
from egodepth.data.shapes import network_size
from egodepth.foundation.errors import InputError
from egodepth.networks.precision import resolve_precision
from egodepth.training.devices import pick_device
from egodepth.video.options import VideoOptions
from egodepth.weights import load_card

EXTRACT_MOTION = 0.005
"""Motion from one extracted frame to the next, share of the width: little, so that there are many to learn from."""
TRAIN_MOTION = 0.045
"""Motion from a frame to the neighbours that it is compared with: what the recipe for real streets has."""
TRAIN_SECONDS = 0.3
"""The same in time, at most: where most of the image is far away, as on a motorway, little moves there, while the road
in front of the camera is another one after a second (measured: nothing was learned from neighbours 0.8 s away)."""
HINTS = "hints"
"""Folder of poses, points and hints."""
MOST_APART = 8
"""Frames to a neighbour, at most: less than the gap that extracting leaves where there is a break."""
_STEPS = 470
"""Of a training by geometry: half of the recipe's, as people wait for it."""
_PIXELS = {"cpu": 31_000, "cuda": 123_000}
"""Of the images to train on, about: minutes on two cores, or the size that is usual on a GPU."""
_PIXELS_BY_IMAGES = 15_000
"""Likewise on a processor, where images alone teach: that takes more steps."""


def trainable_size(size: tuple[int, int], device: str, geometry: bool = True) -> tuple[int, int]:
    """(height, width) of nearly the shape of a frame, and with pixels that a device can train on."""
    by_images = device == "cpu" and not geometry
    return network_size(size, _PIXELS_BY_IMAGES if by_images else _PIXELS.get(device, _PIXELS["cuda"]))


def frames_apart(spacing: float, seconds: float) -> int:
    """How many extracted frames to a neighbour, from the motion between two of them and the time."""
    return max(1, min(MOST_APART, round(TRAIN_MOTION / spacing), int(TRAIN_SECONDS / seconds + 1e-6)))


def by_machine(command: VideoOptions, shape: tuple[int, int], geometry: bool) -> dict[str, Any]:
    """What of a training is chosen by the device: the `size` of the network's input, if none is given, and `precision`.

    `shape` is (height, width) of the frames; `geometry`, whether it teaches.
    """
    device = pick_device(command.device)
    precision = resolve_precision(recipe("street-clip").trainer.precision, device)
    return {"size": command.size or trainable_size(shape, device.type, geometry), "precision": precision}


def training_plan(
    command: VideoOptions,
    folders: list[Path],
    chosen: dict[str, Any],
    apart: int,
    geometry: bool,
    learned_camera: bool = False,
) -> TrainConfig:
    """The configuration for extracted frames: `street-clip`, or from given weights `street-clip-tuned`.

    Args:
        command: what was asked for. With weights to start from, their encoder and depth limits are taken, too.
        folders: of frames.
        chosen: what was chosen by the device, see `by_machine`.
        apart: how many frames to a neighbour.
        geometry: poses by structure from motion, and hints, teach the network; else images alone.
        learned_camera: learn the focal length, from the camera file's on.

    Raises:
        InputError: the weights cannot be read, or their networks not be trained here.
    """
    base = recipe("street-clip" if geometry else "street-clip-photometric")
    if geometry:
        base = replace(base, trainer=replace(base.trainer, steps=_STEPS))
    if command.init_from:
        base = tuned(base)
    data = replace(
        base.data,
        path=tuple(str(folder) for folder in folders),
        test_set="none",  # whose recording this is, is the user's business
        size=tuple(chosen["size"]),
        offsets=(-apart, apart),
        camera="learned" if learned_camera else "true",
    )
    optimiser, trainer = base.optimiser, base.trainer
    if command.init_from:
        model, knows_poses = _of_given_weights(command.init_from)
        if not knows_poses and not geometry:
            optimiser = replace(optimiser, pose_first=recipe("street-clip-photometric").optimiser.pose_first)
    else:
        model = _of_new_weights(command, base.model)
    steps = command.steps or trainer.steps
    trainer = replace(
        trainer,
        steps=steps,
        seed=command.seed,
        device=str(pick_device(command.device)),
        precision=chosen["precision"],
        validate_every=min(trainer.validate_every, steps),
    )
    hints = replace(base.hints, store=str(command.out / HINTS)) if geometry else base.hints
    init_from = command.init_from or ""
    return replace(base, data=data, model=model, hints=hints, optimiser=optimiser, trainer=trainer, init_from=init_from)


def _of_given_weights(source: str) -> tuple[ModelConfig, bool]:
    """The networks of a model, and whether it has one for poses."""
    card = load_card(source).unscaled()
    pose = card.network.pose if card.has_pose_net else recipe("street-clip").model.pose
    return replace(card.network, pretrained=False, pose=pose), card.has_pose_net


def _of_new_weights(command: VideoOptions, usual: ModelConfig) -> ModelConfig:
    """The usual networks with the encoder and the kind of weights that were asked for."""
    return replace(
        usual,
        encoder=command.encoder or usual.encoder,
        pretrained=command.weights != "random",
        without_weights="stop" if command.weights == "pretrained" else usual.without_weights,
    )


def check_apart(rows: list[int], apart: int) -> int:
    """`apart`, or less where no row of so many frames has a frame with both neighbours.

    Raises:
        InputError: no row has three frames.
    """
    longest = max(rows, default=0)
    if longest < 3:
        raise InputError("no three frames in a row to learn from; record longer while moving")
    return max(1, min(apart, (longest - 1) // 2))
