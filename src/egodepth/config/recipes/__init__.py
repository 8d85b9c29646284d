"""Complete, named configurations. Each published result has one."""

from collections.abc import Callable
from dataclasses import replace
from difflib import get_close_matches

from egodepth.config import DataConfig, HintConfig, LossConfig, ModelConfig, OptimiserConfig, TrainConfig, TrainerConfig
from egodepth.config.recipes.kitti import KITTI_ROWS
from egodepth.config.recipes.without_geometry import BY_IMAGES_ALONE, POSE_FIRST, SLOWLY
from egodepth.foundation.errors import InputError

_METRES = ModelConfig(min_depth=1.0, max_depth=100.0, initial_disparity=0.1)
"""With a stereo partner depth is in metres. The first guess is 9 m, which the baseline shifts within the image."""

_BLIND_TO_SCALE = LossConfig(depth_scaling="median")
"""For video alone, from random weights, in minutes. Dividing each frame's depth by its median prevents drift of the
scale, and the first guess leaves room for depth that is ten times as near."""


def quickstart() -> TrainConfig:
    """Stereo pairs (S) of the synthetic drives, by semi-global matching: minutes on two cores, depth in metres."""
    base = street_stereo()
    data = replace(base.data, size=(64, 224), small_first=0.0)
    return replace(base, data=data, trainer=synthetic_s().trainer)


def synthetic_s() -> TrainConfig:
    """Stereo pairs (S) of the synthetic drives by the photometric loss alone, from random weights; depth in metres."""
    return TrainConfig(
        data=DataConfig(size=(64, 224), offsets=(), stereo=True),
        model=_METRES,
        optimiser=OptimiserConfig(learning_rate=7e-4, schedule="cosine"),
        trainer=TrainerConfig(
            steps=600, batch_size=8, validate_every=150, checkpoint_every=100, panels_every=150, precision="auto"
        ),
    )


def synthetic_m() -> TrainConfig:
    """Video alone (M) of the synthetic drives; depth up to scale."""
    base = synthetic_s()
    return replace(
        base,
        data=replace(base.data, offsets=(-1, 1), stereo=False),
        model=ModelConfig(pose="posecnn", initial_disparity=0.1),
        loss=_BLIND_TO_SCALE,
        optimiser=OptimiserConfig(learning_rate=5e-4, schedule="cosine", pose_first=0.1),
    )


def synthetic_ms() -> TrainConfig:
    """Video and stereo (MS) of the synthetic drives; depth in metres."""
    base = synthetic_s()
    return replace(base, data=replace(base.data, offsets=(-1, 1)))


def street_clip() -> TrainConfig:
    """A few hundred frames of a real street (M), taught by the clip's own geometry: 15 minutes on two cores."""
    base = street_clip_photometric()
    return replace(
        base,
        # Most is learned as well from small frames, in half of the time. Pasted cars appear where none parks. Zooms and
        # a strong jitter help the photometric loss, but do harm here (LOG.md).
        data=DataConfig(size=(96, 320), offsets=base.data.offsets, poses="sfm", small_first=0.5, paste=0.5),
        # The unit of the hints: the median depth of the points of structure from motion is 10.
        model=replace(
            base.model, encoder="tf_efficientnet_lite2", min_depth=0.5, max_depth=200.0, initial_disparity=0.05
        ),
        # The photometric loss at the end cost a fifth of the time and changed nothing (LOG.md).
        loss=LossConfig(photometric=0.0),
        hints=HintConfig(sources=("sweep", "sparse", "contact"), rule="always", gradient_weight=2.0),
        # The decoder is new and may learn fast. The encoder keeps its ImageNet features: a larger frozen encoder costs
        # less than a small trained one, and generalises better to other streets (LOG.md).
        optimiser=replace(base.optimiser, learning_rate=1.5e-3, pose_first=0.0, encoder_rate=0.0),
        trainer=replace(base.trainer, steps=1000, validate_every=500, panels_every=500),
    )


def street_stereo() -> TrainConfig:
    """Stereo pairs of real streets (S), taught by semi-global matching; depth in metres."""
    base = street_clip()
    return replace(
        base,
        data=replace(base.data, offsets=(), stereo=True, poses="learned"),
        model=replace(base.model, min_depth=_METRES.min_depth, max_depth=_METRES.max_depth, initial_disparity=0.1),
        hints=replace(base.hints, sources=("stereo",)),
    )


def street_clip_photometric() -> TrainConfig:
    """The same clip by the photometric loss alone (the method of the paper): 12 minutes on two cores."""
    return TrainConfig(
        # Few frames need strong colour jitter, random crops, and neighbours that are far enough away.
        data=DataConfig(size=(64, 224), offsets=(-2, 2), zoom=1.2, jitter=1.0, jitter_strength=2.0),
        model=replace(
            BY_IMAGES_ALONE,
            encoder="tf_efficientnet_lite0",
            pretrained=True,
            without_weights="random",
            pose="posecnn",
        ),
        loss=_BLIND_TO_SCALE,
        optimiser=OptimiserConfig(learning_rate=7e-4, schedule="cosine", pose_first=POSE_FIRST),
        trainer=TrainerConfig(
            steps=2200,
            batch_size=8,
            clean_statistics=256,  # all training images had jitter
            validate_every=550,
            checkpoint_every=100,
            panels_every=550,
            precision="auto",
        ),
    )


def tuned(config: TrainConfig) -> TrainConfig:
    """The same training from weights that know other streets: milder augmentation, lower rate, half of the steps."""
    steps = 6 * config.trainer.steps // 11
    return replace(
        config,
        data=replace(
            config.data,
            zoom=1.3 if config.data.zoom > 1 else 1.0,
            jitter=DataConfig().jitter,
            jitter_strength=DataConfig().jitter_strength,
        ),
        # The initial weights may know only other streets, perhaps rendered ones. The encoder has to adapt.
        optimiser=replace(
            config.optimiser,
            learning_rate=3e-4,
            pose_first=0.0,
            encoder_rate=config.optimiser.encoder_rate or SLOWLY,
        ),
        trainer=replace(
            config.trainer, steps=steps, validate_every=steps // 4, panels_every=steps // 4, clean_statistics=0
        ),
    )


def street_clip_tuned() -> TrainConfig:
    """A real street from the weights of `train synthetic-ms`, in runs/synthetic-ms or where --init-from says."""
    return replace(tuned(street_clip_photometric()), model=_METRES, init_from="runs/synthetic-ms")


def ablation() -> TrainConfig:
    """Video alone (M), for `ablate`. Depth starts from `train synthetic-s`, poses from random weights."""
    base = synthetic_m()
    return replace(
        base,
        model=replace(base.model, min_depth=_METRES.min_depth, max_depth=_METRES.max_depth),
        optimiser=replace(base.optimiser, pose_first=0.2),
        trainer=replace(base.trainer, steps=240, checkpoint_every=80, panels_every=240),
        init_from="runs/synthetic-s",
    )


_OWN: dict[str, Callable[[], TrainConfig]] = {
    "quickstart": quickstart,
    "synthetic-s": synthetic_s,
    "synthetic-m": synthetic_m,
    "synthetic-ms": synthetic_ms,
    "street-clip": street_clip,
    "street-stereo": street_stereo,
    "street-clip-photometric": street_clip_photometric,
    "street-clip-tuned": street_clip_tuned,
    "ablation": ablation,
}
RECIPES: dict[str, TrainConfig] = {name: make() for name, make in _OWN.items()} | {
    name: row.config for name, row in KITTI_ROWS.items()
}
"""Configurations by name."""
ABOUT: dict[str, str] = {name: (make.__doc__ or "").splitlines()[0] for name, make in _OWN.items()} | {
    name: row.about for name, row in KITTI_ROWS.items()
}
"""One line of description by name."""


def recipe(name: str) -> TrainConfig:
    """Return the configuration of a name. An unknown name is an `InputError` that lists the names."""
    if name not in RECIPES:
        close = get_close_matches(name, RECIPES, 1)
        guess = f"did you mean '{close[0]}'? " if close else ""
        raise InputError(f"unknown recipe '{name}'; {guess}there are: {', '.join(RECIPES)}")
    return RECIPES[name]
