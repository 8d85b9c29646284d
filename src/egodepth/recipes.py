"""Complete, named configurations: every published number has one."""

from collections.abc import Callable
from difflib import get_close_matches

from egodepth.config import DataConfig, ModelConfig, OptimiserConfig, TrainConfig, TrainerConfig
from egodepth.errors import InputError


def quickstart() -> TrainConfig:
    """Mono on the synthetic drives, small, minutes on two cores: shows that everything works."""
    return TrainConfig(
        data=DataConfig(size=(96, 320)),
        model=ModelConfig(pose="posecnn"),
        optimiser=OptimiserConfig(learning_rate=3e-4, schedule="cosine"),
        trainer=TrainerConfig(steps=600, batch_size=4, validate_every=200, checkpoint_every=100, panels_every=200),
    )


RECIPES: dict[str, Callable[[], TrainConfig]] = {
    "quickstart": quickstart,
}


def recipe(name: str) -> TrainConfig:
    """The configuration of a name; an unknown one is an `InputError` that lists the names."""
    if name not in RECIPES:
        close = get_close_matches(name, RECIPES, 1)
        guess = f"did you mean '{close[0]}'? " if close else ""
        raise InputError(f"unknown recipe '{name}'; {guess}there are: {', '.join(RECIPES)}")
    return RECIPES[name]()
