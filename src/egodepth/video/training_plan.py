"""The training for a recording: image size, and offset of the frames that it compares."""

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
"""Motion between extracted frames, as a share of the width: small, so that there are many frames to learn from."""
TRAIN_MOTION = 0.045
"""Motion from a frame to its neighbours in training, as in the recipe for real streets."""
TRAIN_SECONDS = 0.3
"""Longest time to these neighbours. Where most of the image is far away, as on a motorway, it hardly moves, but the
road in front of the camera changes within a second (measured: nothing was learned from neighbours 0.8 s away)."""
HINTS = "hints"
"""Folder of poses, points and hints."""
MOST_OFFSET = 8
"""Largest offset to a neighbour: less than the gap that extraction leaves at a break."""
_STEPS = 470
"""Number of steps of a training by geometry: half of the recipe's, because users wait for it."""
_PIXELS = {"cpu": 31_000, "cuda": 123_000}
"""Approximate number of pixels of the training images: minutes on two cores, or the usual size on a GPU."""
_PIXELS_BY_IMAGES = 15_000
"""The same on a processor if images alone teach, which takes more steps."""


def trainable_size(size: tuple[int, int], device: str, geometry: bool = True) -> tuple[int, int]:
    """Return a (height, width) of nearly a frame's shape, with a number of pixels that a device can train on."""
    by_images = device == "cpu" and not geometry
    return network_size(size, _PIXELS_BY_IMAGES if by_images else _PIXELS.get(device, _PIXELS["cuda"]))


def neighbour_offset(spacing: float, seconds: float) -> int:
    """Return the offset of a neighbour in extracted frames, from the motion and the time between two of them."""
    return max(1, min(MOST_OFFSET, round(TRAIN_MOTION / spacing), int(TRAIN_SECONDS / seconds + 1e-6)))


def by_machine(options: VideoOptions, shape: tuple[int, int], geometry: bool) -> dict[str, Any]:
    """Return the settings that depend on the device: the `size` of the network's input, if not given, and `precision`.

    `shape` is (height, width) of the frames; `geometry` tells whether geometry teaches.
    """
    device = pick_device(options.device)
    precision = resolve_precision(recipe("street-clip").trainer.precision, device)
    return {"size": options.size or trainable_size(shape, device.type, geometry), "precision": precision}


def training_plan(
    options: VideoOptions,
    folders: list[Path],
    chosen: dict[str, Any],
    offset: int,
    geometry: bool,
    learned_camera: bool = False,
) -> TrainConfig:
    """Return the configuration for extracted frames: `street-clip`, or from given weights `street-clip-tuned`.

    Args:
        options: the options of the command. With initial weights, their encoder and depth limits are used.
        folders: the folders of frames.
        chosen: the settings that depend on the device, see `by_machine`.
        offset: offset of a neighbour in frames.
        geometry: poses by structure from motion, and hints, teach the network; else images alone.
        learned_camera: learn the focal length, starting from the camera file's.

    Raises:
        InputError: the weights cannot be read, or their networks cannot be trained here.
    """
    base = recipe("street-clip" if geometry else "street-clip-photometric")
    if geometry:
        base = replace(base, trainer=replace(base.trainer, steps=_STEPS))
    if options.init_from:
        base = tuned(base)
    data = replace(
        base.data,
        path=tuple(str(folder) for folder in folders),
        test_set="none",  # the user decides whose recording this is
        size=tuple(chosen["size"]),
        offsets=(-offset, offset),
        camera="learned" if learned_camera else "true",
    )
    optimiser, trainer = base.optimiser, base.trainer
    if options.init_from:
        model, knows_poses = _of_given_weights(options.init_from)
        if not knows_poses and not geometry:
            optimiser = replace(optimiser, pose_first=recipe("street-clip-photometric").optimiser.pose_first)
    else:
        model = _of_new_weights(options, base.model)
    steps = options.steps or trainer.steps
    trainer = replace(
        trainer,
        steps=steps,
        seed=options.seed,
        device=str(pick_device(options.device)),
        precision=chosen["precision"],
        validate_every=min(trainer.validate_every, steps),
    )
    hints = replace(base.hints, store=str(options.out / HINTS)) if geometry else base.hints
    init_from = options.init_from or ""
    return replace(base, data=data, model=model, hints=hints, optimiser=optimiser, trainer=trainer, init_from=init_from)


def _of_given_weights(source: str) -> tuple[ModelConfig, bool]:
    """Return the networks of a model, and whether it has one for poses."""
    card = load_card(source).unscaled()
    pose = card.network.pose if card.has_pose_net else recipe("street-clip").model.pose
    return replace(card.network, pretrained=False, pose=pose), card.has_pose_net


def _of_new_weights(options: VideoOptions, usual: ModelConfig) -> ModelConfig:
    """Return the usual networks with the requested encoder and kind of weights."""
    return replace(
        usual,
        encoder=options.encoder or usual.encoder,
        pretrained=options.weights != "random",
        without_weights="stop" if options.weights == "pretrained" else usual.without_weights,
    )


def check_offset(rows: list[int], offset: int) -> int:
    """Return `offset`, or less if no row is long enough for a frame with both neighbours at it.

    Raises:
        InputError: no row has three frames.
    """
    longest = max(rows, default=0)
    if longest < 3:
        raise InputError("no three frames in a row to learn from; record longer while moving")
    return max(1, min(offset, (longest - 1) // 2))
