"""Inspect an existing run folder: its configuration, its newest checkpoint, and lost or damaged files."""

import dataclasses
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from egodepth.config import HOUSEKEEPING, TrainConfig
from egodepth.config.strict_json import flattened, from_json
from egodepth.foundation.errors import InputError
from egodepth.training.checkpoint import DAMAGED, DamagedError, list_checkpoints, newest_undamaged, read_header
from egodepth.training.kept_models import restore_models
from egodepth.training.starting_weights import LEARNING, RANDOM

CONFIG = "config.json"
CHECKPOINTS = "checkpoints"
_LOG = "log.jsonl"


def check_run(run: Path, config: TrainConfig) -> None:
    """Check that a run folder is new or has the same configuration, even if files are lost.

    Raises:
        InputError: the folder belongs to another run, or is no run folder.
    """
    if not run.exists() or not any(run.iterdir()):
        return
    checkpoints = list_checkpoints(run / CHECKPOINTS) or any((run / CHECKPOINTS).glob(f"{DAMAGED}*"))
    if not (checkpoints or (run / CONFIG).exists() or (run / _LOG).exists()):
        raise InputError(f"{run}: is not empty and not a run of egodepth; choose another --run")
    found = kept_config(run)
    if found is None:
        return
    before = flattened(dataclasses.asdict(found))
    for name, now in flattened(dataclasses.asdict(config)).items():
        if now != before[name] and name not in HOUSEKEEPING:
            was, is_now = json.dumps(before[name]), json.dumps(now)
            raise InputError(
                f"{run}: was started with {name} = {was}, not {is_now}; use the same value, or another --run"
            )


def as_started(config: TrainConfig, run: Path) -> TrainConfig:
    """Return the configuration, adapted to the earlier start of the run; unchanged for a new run.

    The run keeps its normalisation of images; old runs have only Monodepth2's. An encoder that learns because it had no
    pretrained weights (`with_learning_encoder`) continues to learn. Errors as in `kept_config`.
    """
    kept = kept_config(run)
    if kept is None:
        return config
    model = dataclasses.replace(config.model, normalisation=kept.model.normalisation)
    optimiser = config.optimiser
    if not optimiser.encoder_rate and kept.optimiser.encoder_rate == LEARNING and _first_weights(run) == RANDOM:
        optimiser = dataclasses.replace(optimiser, encoder_rate=LEARNING)
    return dataclasses.replace(config, model=model, optimiser=optimiser)


def _first_weights(run: Path) -> str:
    """Return the source of a run's first weights, from its newest checkpoint; `RANDOM` without a checkpoint."""
    newest = _newest_header(run)
    return RANDOM if newest is None else newest[1].get("started_from", "")


def starting_point(run: Path, say: Callable[[str], None]) -> Path | None:
    """Return the checkpoint to resume from, None for a new run; restore lost models from it.

    Args:
        run: the run folder.
        say: prints what was damaged or lost, and where the run resumes.
    """
    place = newest_undamaged(run / CHECKPOINTS, say)
    if place is not None:
        say(f"resuming from {place.name}")
        for name in restore_models(place, run):
            say(f"{run / name}: was lost, and is restored from {place.name}")
    elif any((run / CHECKPOINTS).glob(f"{DAMAGED}*")):
        say("no checkpoint is left: the run starts again from step 0, and gives the same result")
    return place


def kept_config(run: Path) -> TrainConfig | None:
    """Return the configuration of a run from its file, or else from its newest checkpoint; None for a new run.

    Raises:
        InputError: the configuration is not valid, for example from another version.
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
    """Return path and header of the newest checkpoint that has a readable header; None without one."""
    for place in reversed(list_checkpoints(run / CHECKPOINTS)):
        with suppress(DamagedError):
            return place, read_header(place)
    return None
