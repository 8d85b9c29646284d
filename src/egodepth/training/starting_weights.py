"""What a training begins with, decided once: its checkpoints remember, and a run that goes on never looks again."""

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
    """Where the first weights come from."""

    said: str
    """For people and the model card."""
    encoders: Pretrained
    """What the encoders start from, before the weights of a whole model."""


def with_learning_encoder(config: TrainConfig, start: Start, say: Callable[[str], None]) -> TrainConfig:
    """The configuration of a new run; an encoder that was to stay as it is learns if its weights are random."""
    if config.optimiser.encoder_rate or start.encoders or config.init_from:
        return config
    say("the encoder learns, too, as its weights are random")
    return replace(config, optimiser=replace(config.optimiser, encoder_rate=LEARNING))


def find_start(config: TrainConfig, say: Callable[[str], None]) -> Start:
    """Look for the weights that a new run of a configuration starts from, and say which they are.

    Raises:
        InputError: they are not to be had, and the configuration does not put up with random ones; or are damaged.
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
