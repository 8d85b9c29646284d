"""What is settled before a run is built: its configuration, its samples, and what is known of them beforehand."""

import dataclasses
from pathlib import Path
from typing import NamedTuple

import torch
from rich.console import Console

from egodepth.config import TrainConfig
from egodepth.config.recipes.without_geometry import without_geometry
from egodepth.data.samples.training_set import TrainingSet, open_training_set
from egodepth.foundation.ranks import Ranks
from egodepth.hints.known import KnownDrives
from egodepth.hints.making import asks_for_hints, hint_store, known_drives
from egodepth.training.devices import with_precision
from egodepth.training.run_folder import as_begun, check_run, kept_config


class Prepared(NamedTuple):
    """What a run is built from."""

    config: TrainConfig
    """As asked for, but for what the device, the run so far and the recordings decide."""
    training: TrainingSet
    known: KnownDrives | None
    """Hints and poses; None where the training asks for none."""


def prepare(
    config: TrainConfig, run: Path, ranks: Ranks, device: torch.device, console: Console, batch_is_known: bool = True
) -> Prepared:
    """Open the data, and make hints and poses where they are missing.

    Args:
        config: as asked for.
        run: the folder; a run that has begun keeps its precision and what it fell back to.
        ranks: the processes that train together; the first one makes the hints.
        device: where it will train.
        console: where progress is shown.
        batch_is_known: False where the batch size is yet to be found, so that the run's own may be another.

    Raises:
        InputError: unusable data, or a run folder of another configuration.
    """
    config = as_begun(with_precision(config, device), run)
    training = open_training_set(config.data)
    if _fell_back(config, run):
        config = without_geometry(config)
    if asks_for_hints(config) and batch_is_known:
        check_run(run, config)  # before minutes are spent on hints for somebody else's folder
    known = _known(config, training, ranks, console)
    if config.data.poses != "sfm" or known is None:
        return Prepared(config, training, known)
    samples = known.samples_with_poses(training.samples, config.data.offsets)
    if samples:
        return Prepared(config, dataclasses.replace(training, samples=samples), known)
    console.print("no frame's pose is known with its neighbours': images alone teach depth and motion")
    config = without_geometry(config)
    return Prepared(config, training, _known(config, training, ranks, console))


def _fell_back(config: TrainConfig, run: Path) -> bool:
    """Whether a run that asks for poses by structure from motion began without any, as there were none."""
    kept = kept_config(run) if config.data.poses == "sfm" else None
    return kept is not None and kept.data.poses == "learned"


def _known(config: TrainConfig, training: TrainingSet, ranks: Ranks, console: Console) -> KnownDrives | None:
    """Hints and poses that a training asks for, made where they are missing; None if it asks for none."""
    if not asks_for_hints(config):
        return None
    store = hint_store(config)
    ranks.first(lambda: known_drives(config, training.drives, store, console) and None)
    return known_drives(config, training.drives, store, console)
