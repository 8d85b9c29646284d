"""The published rows of the paper on KITTI, as configurations: Godard et al. 2019, Tables 1, 2, 6 and 12.

The number of steps is that of the published list of 39,810 frames (`--data.split-file`), whatever the data. Each row
has a twin `...-paper` that follows the paper where the row deviates from it: see docs/deviations.md.
"""

from dataclasses import replace
from typing import Literal, NamedTuple

from egodepth.config import MINIMUM_MOTION, DataConfig, ModelConfig, OptimiserConfig, TrainConfig, TrainerConfig

Mode = Literal["m", "s", "ms"]

LIST_FRAMES = 39_810
"""Number of frames in the published training list (Zhou's, without static frames)."""
NOMINAL_BASELINE_M = 0.54
"""Published stereo training uses a baseline of 0.1 and multiplies predictions by 5.4."""
_BATCH = 12
_SIDE = {"m": "video alone", "s": "stereo pairs", "ms": "video and stereo"}
_HOURS = {"m": 12, "s": 8, "ms": 15}
"""Hours on one Titan Xp, as published, at 640x192."""
_FROM_IMAGENET = ModelConfig(pretrained=True, without_weights="random")
_METRIC = replace(_FROM_IMAGENET, min_depth=NOMINAL_BASELINE_M, max_depth=1000 * NOMINAL_BASELINE_M)
"""The published range of depths, 1 to 1000 baselines, in metres."""


class Row(NamedTuple):
    """A published row."""

    about: str
    """One line: description, published abs_rel, and training time."""
    config: TrainConfig


def _steps(epochs: int, batch_size: int) -> int:
    return epochs * LIST_FRAMES // batch_size


def _base(mode: Mode, epochs: int = 20) -> TrainConfig:
    """640x192 from ImageNet weights. All other numbers are the defaults of the configuration."""
    return TrainConfig(
        data=DataConfig(stereo=True, offsets=())
        if mode == "s"
        else DataConfig(stereo=mode == "ms", min_motion=MINIMUM_MOTION),
        model=_FROM_IMAGENET if mode == "m" else _METRIC,
        optimiser=OptimiserConfig(),
        trainer=TrainerConfig(
            steps=_steps(epochs, _BATCH),
            batch_size=_BATCH,
            workers=4,
            precision="auto",
            log_every=50,
            validate_every=2000,
            checkpoint_every=1000,
            panels_every=2000,
        ),
    )


def _high(mode: Mode, init_from: str) -> TrainConfig:
    """1024x320 from the 640x192 model: 5 epochs at a tenth of the rate."""
    base = _base(mode)
    trainer = replace(base.trainer, steps=_steps(5, 4), batch_size=4)
    return replace(
        base,
        data=replace(base.data, size=(320, 1024)),
        model=_random(base.model),
        optimiser=OptimiserConfig(learning_rate=1e-5, drop_at=1.0),
        trainer=trainer,
        init_from=init_from,
    )


def _scratch(mode: Mode) -> TrainConfig:
    base = _base(mode, epochs=30)
    return replace(base, model=_random(base.model))


def _random(model: ModelConfig) -> ModelConfig:
    return replace(model, pretrained=False, without_weights="stop")


def as_published(config: TrainConfig) -> TrainConfig:
    """Return the configuration with the paper's camera for KITTI, nominal baseline, colour statistics and float32."""
    baseline = NOMINAL_BASELINE_M if config.data.stereo else 0.0
    return replace(
        config,
        data=replace(config.data, camera="kitti_average", nominal_baseline_m=baseline),
        model=replace(config.model, normalisation="monodepth2"),
        trainer=replace(config.trainer, precision="float32"),
    )


def _rows() -> dict[str, Row]:
    rows: dict[str, Row] = {}
    published: dict[Mode, tuple[str, str, str]] = {
        "m": (".115", ".115", ".132"),
        "s": (".109", ".107", ".130"),
        "ms": (".106", ".106", ".127"),
    }
    for mode, (low, high, scratch) in published.items():
        name, side = f"kitti-{mode}", _SIDE[mode]
        rows[name] = Row(f"KITTI, {side}, 640x192: {low} published, {_HOURS[mode]} h of a Titan Xp", _base(mode))
        rows[f"{name}-1024"] = Row(f"the same on at 1024x320, from runs/{name}: {high}", _high(mode, f"runs/{name}"))
        rows[f"{name}-scratch"] = Row(f"640x192 from random weights, 30 epochs: {scratch}", _scratch(mode))
    base = _base("m")
    deeper = replace(base, model=replace(base.model, encoder="resnet50"))
    rows["kitti-m-resnet50"] = Row("video alone, ResNet-50: .110", deeper)
    for pose, score in (("shared", ".125"), ("posecnn", ".138")):
        rows[f"kitti-m-{pose}"] = Row(
            f"video alone, pose network {pose}: {score}", replace(base, model=replace(base.model, pose=pose))
        )
    odometry = replace(base, data=replace(base.data, test_set="odometry", drives=("0[0-8]/image_[23]",)))
    rows["kitti-odometry"] = Row("sequences 00 to 08, tested on 09 and 10: 5-frame error .017, .015", odometry)
    twins: dict[str, Row] = {}
    for name, row in rows.items():
        config = as_published(row.config)
        if config.init_from:
            config = replace(config, init_from=config.init_from + "-paper")
        twins[f"{name}-paper"] = Row(f"{name} with the paper's camera and baseline (docs/deviations.md)", config)
    return rows | twins


KITTI_ROWS = _rows()
"""Rows by name."""
