"""The initial weights of a training. They are chosen once; a run that resumes reads its checkpoint instead."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from egodepth.config import TrainConfig
from egodepth.networks import Pretrained
from egodepth.weights import NoWeightsError, find_encoder_weights, load_card

RANDOM = "random weights"
LEARNING = 1.0
"""Replaces an `encoder_rate` of 0 if the encoder has random weights. It then learns as fast as the decoder."""


@dataclass(frozen=True)
class Start:
    """Initial weights of a run."""

    said: str
    """Source of the weights, for the user and the model card."""
    encoders: Pretrained
    """Initial weights of the encoders; those of a whole model replace them later."""


def with_learning_encoder(config: TrainConfig, start: Start, say: Callable[[str], None]) -> TrainConfig:
    """Return the configuration of a new run, where a frozen encoder learns if its weights are random."""
    if config.optimiser.encoder_rate or start.encoders or config.init_from:
        return config
    say("the encoder also learns, because its weights are random")
    return replace(config, optimiser=replace(config.optimiser, encoder_rate=LEARNING))


def find_start(config: TrainConfig, say: Callable[[str], None]) -> Start:
    """Return the initial weights of a new run, and print their source.

    Raises:
        InputError: the weights are damaged, or they are missing and the configuration does not allow random ones.
    """
    said, encoders = RANDOM, False
    if config.model.pretrained:
        try:
            found = find_encoder_weights(config.model.encoder)
            said, encoders = found.said, found.weights
        except NoWeightsError as error:
            if config.model.without_weights == "stop":
                raise
            say(str(error))
    if config.init_from:
        before = load_card(config.init_from).started_from
        said = f"{config.init_from} ({before})" if before else config.init_from
    say(f"starts from: {said}")
    return Start(said, encoders)
