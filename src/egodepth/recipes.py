"""Complete, named configurations: every published number has one."""

from collections.abc import Callable
from dataclasses import replace
from difflib import get_close_matches

from egodepth.config import DataConfig, ModelConfig, OptimiserConfig, TrainConfig, TrainerConfig
from egodepth.errors import InputError

_METRES = ModelConfig(pose="posecnn", min_depth=1.0, max_depth=100.0, initial_disparity=0.1)
"""With a stereo partner depth is in metres: the first guess is 9 m, which the baseline shifts within the image."""


def quickstart() -> TrainConfig:
    """Video and stereo (MS) of the synthetic drives, from random weights: minutes on two cores, depth in metres."""
    return TrainConfig(
        data=DataConfig(size=(64, 224), stereo=True),
        model=_METRES,
        optimiser=OptimiserConfig(learning_rate=5e-4, schedule="cosine"),
        trainer=TrainerConfig(steps=500, batch_size=8, validate_every=100, checkpoint_every=100, panels_every=100),
    )


def synthetic_m() -> TrainConfig:
    """Video alone (M) of the synthetic drives; depth up to scale."""
    base = quickstart()
    return replace(base, data=replace(base.data, stereo=False), model=replace(_METRES, min_depth=0.1))


def synthetic_s() -> TrainConfig:
    """Stereo alone (S) of the synthetic drives; depth in metres."""
    base = quickstart()
    return replace(base, data=replace(base.data, offsets=()))


def street_clip() -> TrainConfig:
    """Video alone (M) of a few hundred frames of a real street, from random weights, 18 minutes on two cores."""
    return TrainConfig(
        data=DataConfig(size=(64, 224)),
        model=ModelConfig(pose="posecnn", initial_disparity=0.1),
        optimiser=OptimiserConfig(learning_rate=5e-4, schedule="cosine"),
        trainer=TrainerConfig(steps=2100, batch_size=4, validate_every=500, checkpoint_every=250, panels_every=500),
    )


RECIPES: dict[str, Callable[[], TrainConfig]] = {
    "quickstart": quickstart,
    "synthetic-m": synthetic_m,
    "synthetic-s": synthetic_s,
    "street-clip": street_clip,
}


def recipe(name: str) -> TrainConfig:
    """The configuration of a name; an unknown one is an `InputError` that lists the names."""
    if name not in RECIPES:
        close = get_close_matches(name, RECIPES, 1)
        guess = f"did you mean '{close[0]}'? " if close else ""
        raise InputError(f"unknown recipe '{name}'; {guess}there are: {', '.join(RECIPES)}")
    return RECIPES[name]()
