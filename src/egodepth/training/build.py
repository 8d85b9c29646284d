"""Build a run from a configuration: all parts of a training, each built once."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from rich.console import Console

from egodepth.config import DataConfig, TrainConfig
from egodepth.data.drive import Drive, select_drives
from egodepth.data.guard import without_test_drives
from egodepth.data.opening import open_drives
from egodepth.data.samples.loader import batches_from
from egodepth.data.samples.resident import ResidentFrames
from egodepth.data.samples.sampler import RawBatch, TrainBatches
from egodepth.data.samples.training_set import TrainingSet
from egodepth.data.storage.store import CACHE_BYTES, FrameStore
from egodepth.foundation.ranks import Ranks
from egodepth.foundation.remote import LocalRun, local_folder
from egodepth.hints.known import KnownDrives
from egodepth.networks.shared_norm import share_norms
from egodepth.objective import SelfSupervisedObjective, build_objective
from egodepth.training.checkpoint import Progress, load_checkpoint
from egodepth.training.compiling import compile_objective
from egodepth.training.hooks import BadFrames, Checkpoints, FocalLength, Panels
from egodepth.training.inputs import StepInputs
from egodepth.training.log import RunLog
from egodepth.training.optimiser import build_optimiser
from egodepth.training.preparing import Prepared
from egodepth.training.run_folder import check_run, starting_point
from egodepth.training.schedule import rates_of_groups
from egodepth.training.starting_weights import Start, find_start, with_learning_encoder
from egodepth.training.trainer import Hook, Trainer
from egodepth.training.validation import ModelSnapshots, Validation
from egodepth.weights import initialise_from


@dataclass(frozen=True)
class Run:
    """A training that is ready to start or to resume."""

    config: TrainConfig
    place: LocalRun
    training: TrainingSet
    dataset: TrainBatches
    inputs: StepInputs
    objective: SelfSupervisedObjective
    optimiser: torch.optim.Optimizer
    snapshots: ModelSnapshots
    validation_drives: list[Drive]
    """Drives for the validation; empty in all processes but the first."""
    progress: Progress
    """Progress of the run, and the source of its first weights."""
    compiling: str
    """Message about the compiler for the user; empty if there is none."""
    ranks: Ranks
    device: torch.device

    @property
    def folder(self) -> Path:
        """Local folder of the run."""
        return self.place.folder


def build_run(
    prepared: Prepared,
    place: LocalRun,
    ranks: Ranks,
    device: torch.device,
    console: Console,
    say: Callable[[str], None],
    note: Callable[[str], None],
) -> Run:
    """Return all parts of a training.

    Damaged or lost files of a run are repaired; its configuration is not written yet.

    Args:
        prepared: configuration, samples and hints.
        place: folder of the run, or the local copy of its URL.
        ranks: the processes that train together.
        device: device of the training.
        console: shows the progress.
        say: prints a line now; called when parts of a damaged run are restored.
        note: receives the lines about the start of a new run; the caller prints them once the run can begin.

    Raises:
        InputError: unusable validation data or weights, a run folder of another configuration, or frames that do not
            fit on the device.
    """
    config, training, known = prepared
    store = frame_store(config, training)
    drives = validation_drives(config.data) if ranks.leads else []
    check_run(place.folder, config)
    checkpoint = ranks.first(lambda: starting_point(place.folder, say))
    start = None if checkpoint else ranks.first(lambda: find_start(config, note))
    if start:
        config = with_learning_encoder(config, start, note if ranks.leads else lambda line: None)
    objective = first_objective(config, start, device)
    if ranks.count > 1 and config.trainer.shared_statistics:
        share_norms(objective, config.model.encoder, device)
    optimiser = build_optimiser(objective, config.optimiser)
    progress = load_checkpoint(checkpoint, objective, optimiser) if checkpoint else Progress(0, None)
    started_from = start.said if start else progress.started_from
    resident = None
    if config.data.on_device and progress.step < config.trainer.steps:
        resident = ResidentFrames.copied(store, training.samples, config.data, device, console)
    dataset = train_batches(config, training, known, store, ranks, resident)
    return Run(
        config,
        place,
        training,
        dataset,
        StepInputs(config, device, dataset.part, resident),
        objective,
        optimiser,
        ModelSnapshots(config, objective, dataset, resident, started_from),
        drives,
        Progress(progress.step, progress.best, progress.skipped, started_from),
        compile_objective(objective, config.trainer.compile, device),
        ranks,
        device,
    )


def build_trainer(run: Run, log: RunLog, stop: Callable[[], bool]) -> tuple[Trainer, Validation]:
    """Return the training loop of a run with its hooks, and the validation hook, which knows the best score.

    Args:
        run: the run to train.
        log: receives figures, images and lines.
        stop: called after every step; True ends the training.
    """
    config, settings, ranks = run.config, run.config.trainer, run.ranks
    validation = Validation(run.snapshots, run.validation_drives, config, log, run.folder, run.progress.best)
    hooks = [Hook(settings.log_every, BadFrames(run.dataset.store, log))]
    save: Callable[[int, int | None], object] = lambda done, skipped: None  # noqa: E731 - the other processes
    if ranks.leads:
        hooks.append(Hook(settings.panels_every, Panels(run.objective, run.inputs, config.model, log, run.folder)))
        if run.objective.focal is not None:
            focal = FocalLength(run.objective.focal, run.dataset.store.drives, settings.steps, log)
            hooks.append(Hook(settings.log_every, focal))
        hooks.append(Hook(settings.validate_every, validation))
        save = Checkpoints(run.place, run.objective, run.optimiser, config, run.progress.started_from, validation)
    trainer = Trainer(
        module=ranks.wrapped(run.objective, run.device),
        optimiser=run.optimiser,
        arguments=run.inputs,
        learning_rates=partial(rates_of_groups, config=config),
        log=log,
        log_every=settings.log_every,
        batch_size=settings.batch_size,
        save=save,
        checkpoint_every=settings.checkpoint_every,
        hooks=hooks,
        skipped=run.progress.skipped,
        stop=stop,
        mean=ranks.mean,
        deferred=run.device.type == "cuda",
        read_every=(settings.panels_every, settings.validate_every),
    )
    return trainer, validation


def batches_of(run: Run, log: RunLog) -> Iterator[RawBatch]:
    """Return the batches of the remaining steps of a run, loaded by the configured number of processes."""
    settings = run.config.trainer
    pinned = run.device.type == "cuda"
    return batches_from(run.dataset, run.progress.step, settings.workers, pinned, settings.worker_patience, log.say)


def frame_store(config: TrainConfig, training: TrainingSet) -> FrameStore:
    """Return the frames of a training at the size of the network."""
    folder = local_folder(config.data.store, "store") if config.data.store else None
    kept = 0 if config.data.on_device else CACHE_BYTES
    return FrameStore(training.drives, config.data.size, kept, folder, config.data.stereo)


def train_batches(
    config: TrainConfig,
    training: TrainingSet,
    known: KnownDrives | None,
    store: FrameStore,
    ranks: Ranks,
    resident: ResidentFrames | None = None,
) -> TrainBatches:
    """Return the batches of a training as a function of the step."""
    part, settings = ranks.part(config.trainer.batch_size), config.trainer
    read = resident.slots.read if resident else None
    return TrainBatches(
        store, training.samples, config.data, settings.batch_size, settings.seed, settings.steps, part, known, read
    )


def first_objective(config: TrainConfig, start: Start | None, device: torch.device) -> SelfSupervisedObjective:
    """Return the networks with the initial weights of a run; a run that resumes needs none (`start` None)."""
    torch.manual_seed(config.trainer.seed)
    objective = build_objective(config, start.encoders if start else False)
    if start and config.init_from:
        limits = (config.model.min_depth, config.model.max_depth)
        initialise_from(config.init_from, objective.depth_net, objective.pose_net, limits)
    return objective.to(device, memory_format=torch.channels_last)  # pyright: ignore


def validation_drives(data: DataConfig) -> list[Drive]:
    """Return the validation drives. They select the best model, so test drives are left out unless they are named."""
    drives = select_drives(
        [drive for path in data.val_path or data.path for drive in open_drives(path, "val")], data.val_drives
    )
    named = data.val_drives != ("*",) or bool(data.val_path)
    return drives if named or data.allow_test_drives else without_test_drives(drives, data.test_set)
