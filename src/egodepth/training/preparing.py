"""Prepare a run: fix its configuration, open its samples, and make hints and poses."""

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
from egodepth.losses.registry import chosen_terms
from egodepth.networks.registry import check_network
from egodepth.training.devices import with_precision
from egodepth.training.run_folder import as_started, check_run, kept_config


class Prepared(NamedTuple):
    """The parts from which a run is built."""

    config: TrainConfig
    """The user's configuration, with the values that depend on the device, an earlier start and the recordings."""
    training: TrainingSet
    known: KnownDrives | None
    """Hints and poses; None if the training uses none."""


def prepare(
    config: TrainConfig, run: Path, ranks: Ranks, device: torch.device, console: Console, batch_is_known: bool = True
) -> Prepared:
    """Open the data, and make missing hints and poses.

    Args:
        config: the user's configuration.
        run: the run folder; a run that resumes keeps its precision and its fallbacks.
        ranks: the processes that train together; the first one makes the hints.
        device: device of the training.
        console: shows the progress.
        batch_is_known: False if the batch size is determined later, and may differ from that of the run folder.

    Raises:
        InputError: unusable data, or a run folder of another configuration.
    """
    config = as_started(with_precision(config, device), run)
    _refuse_early(config, ranks)
    training = open_training_set(config.data)
    if _fell_back(config, run):
        config = without_geometry(config)
    if asks_for_hints(config) and batch_is_known:
        check_run(run, config)  # before it spends minutes on hints for the folder of another run
    known = _known(config, training, ranks, console)
    if config.data.poses != "sfm" or known is None:
        return Prepared(config, training, known)
    samples = known.samples_with_poses(training.samples, config.data.offsets)
    if samples:
        return Prepared(config, dataclasses.replace(training, samples=samples), known)
    if ranks.leads:
        console.print("structure from motion found no usable poses: depth and motion are learned from images alone")
    config = without_geometry(config)
    return Prepared(config, training, _known(config, training, ranks, console))


def _refuse_early(config: TrainConfig, ranks: Ranks) -> None:
    """Refuse unknown names, and a batch that processes cannot share, before minutes of other work."""
    ranks.part(config.trainer.batch_size)
    chosen_terms(config)
    check_network(config.model)


def _fell_back(config: TrainConfig, run: Path) -> bool:
    """Whether the run asks for poses by structure from motion, but started without them because there were none."""
    kept = kept_config(run) if config.data.poses == "sfm" else None
    return kept is not None and kept.data.poses == "learned"


def _known(config: TrainConfig, training: TrainingSet, ranks: Ranks, console: Console) -> KnownDrives | None:
    """Return the hints and poses of a training, and make missing ones; None if the training uses none."""
    if not asks_for_hints(config):
        return None
    store = hint_store(config)
    ranks.first(lambda: known_drives(config, training.drives, store, console) and None)
    return known_drives(config, training.drives, store, console)
