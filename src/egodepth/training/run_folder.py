"""A run's folder as it is found: whose it is, where it stands, and what of it is lost or damaged."""

import dataclasses
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from egodepth.config import HOUSEKEEPING, TrainConfig
from egodepth.config.strict_json import flattened, from_json
from egodepth.foundation.errors import InputError
from egodepth.training.checkpoint import DAMAGED, DamagedError, list_checkpoints, newest_whole, read_header
from egodepth.training.kept_models import bring_back
from egodepth.training.starting_weights import LEARNING, RANDOM

CONFIG = "config.json"
CHECKPOINTS = "checkpoints"
_LOG = "log.jsonl"


def check_run(run: Path, config: TrainConfig) -> None:
    """See that a run folder is new, or of the same configuration, by what is left of it.

    Raises:
        InputError: it is another run's, or no run's.
    """
    if not run.exists() or not any(run.iterdir()):
        return
    checkpoints = list_checkpoints(run / CHECKPOINTS) or any((run / CHECKPOINTS).glob(f"{DAMAGED}*"))
    if not (checkpoints or (run / CONFIG).exists() or (run / _LOG).exists()):
        raise InputError(f"{run}: not empty and not a run of egodepth; choose another --run")
    found = kept_config(run)
    if found is None:
        return
    before = flattened(dataclasses.asdict(found))
    for name, now in flattened(dataclasses.asdict(config)).items():
        if now != before[name] and name not in HOUSEKEEPING:
            was, is_now = json.dumps(before[name]), json.dumps(now)
            raise InputError(f"{run}: was started with {name} = {was}, not {is_now}; use the same, or another --run")


def as_begun(config: TrainConfig, run: Path) -> TrainConfig:
    """The configuration for a run folder: a run that has begun goes on as it did.

    It normalises images as it did; older ones know no statistics but Monodepth2's. An encoder that had no pretrained
    weights to keep (`with_learning_encoder`) goes on learning. Raises as `kept_config`.
    """
    kept = kept_config(run)
    if kept is None:
        return config
    model = dataclasses.replace(config.model, normalisation=kept.model.normalisation)
    optimiser = config.optimiser
    if not optimiser.encoder_rate and kept.optimiser.encoder_rate == LEARNING and _began_from(run) == RANDOM:
        optimiser = dataclasses.replace(optimiser, encoder_rate=LEARNING)
    return dataclasses.replace(config, model=model, optimiser=optimiser)


def _began_from(run: Path) -> str:
    """What a run started from, as its newest checkpoint says; a run without any has nothing to keep."""
    newest = _newest_header(run)
    return RANDOM if newest is None else newest[1].get("started_from", "")


def starting_point(run: Path, say: Callable[[str], None]) -> Path | None:
    """The checkpoint to go on from, None for a run that begins; brings back what is lost of the models that it keeps.

    Args:
        run: the folder.
        say: told what was damaged or lost, and where the run goes on.
    """
    place = newest_whole(run / CHECKPOINTS, say)
    if place is not None:
        say(f"going on from {place.name}")
        for name in bring_back(place, run):
            say(f"{run / name}: was lost, and is back from {place.name}")
    elif any((run / CHECKPOINTS).glob(f"{DAMAGED}*")):
        say("no checkpoint is left: the run begins anew, and will end the same")
    return place


def kept_config(run: Path) -> TrainConfig | None:
    """The run's configuration, from its file or else its newest checkpoint that is whole; None for a new run.

    Raises:
        InputError: one that is not valid, as from another version.
    """
    file = run / CONFIG
    try:
        text = file.read_text(encoding="utf-8")
        json.loads(text)
        return from_json(TrainConfig, text, file)
    except (OSError, ValueError, RecursionError):
        newest = _newest_header(run)
        if newest is None:
            return None
        place, header = newest
        return from_json(TrainConfig, json.dumps(header["config"]), place)


def _newest_header(run: Path) -> tuple[Path, dict[str, Any]] | None:
    """Path and header of the newest checkpoint that has a readable header."""
    for place in reversed(list_checkpoints(run / CHECKPOINTS)):
        with suppress(DamagedError):
            return place, read_header(place)
    return None
