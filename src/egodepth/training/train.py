"""The verb `train`: from a configuration and a folder to a trained model, going on from where the folder stands."""

import dataclasses
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from rich.console import Console

from egodepth.config import DataConfig, TrainConfig
from egodepth.config.recipes.without_geometry import without_geometry
from egodepth.config.strict_json import to_json
from egodepth.data.drive import Drive, select_drives
from egodepth.data.kitti.test_sets import without_test_drives
from egodepth.data.opening import open_drives
from egodepth.data.samples.loader import batches_from
from egodepth.data.samples.resident import ResidentFrames
from egodepth.data.samples.sampler import RawBatch, TrainBatches
from egodepth.data.samples.training_set import TrainingSet, open_training_set
from egodepth.data.shapes import network_size, squeezed
from egodepth.data.storage.store import CACHE_BYTES, FrameStore
from egodepth.foundation.errors import InputError, Stopped
from egodepth.foundation.files import write_text
from egodepth.foundation.ranks import Ranks, joined
from egodepth.foundation.remote import LocalRun, local_folder, local_run
from egodepth.hints.known import KnownDrives
from egodepth.hints.making import asks_for_hints, hint_store, known_drives
from egodepth.networks.precision import resolve_precision
from egodepth.networks.shared_norm import share_norms
from egodepth.objective import SelfSupervisedObjective, build_objective
from egodepth.training.checkpoint import Progress, load_checkpoint
from egodepth.training.compiling import compile_objective, one_line_of_compiler
from egodepth.training.fitting import fitting_batch, is_out_of_memory
from egodepth.training.job import Job
from egodepth.training.log import OtherLog, RunLog
from egodepth.training.memory import keep_freed_memory
from egodepth.training.optimiser import build_optimiser
from egodepth.training.run_folder import CONFIG, as_begun, check_run, kept_config, starting_point
from egodepth.training.starting_weights import Start, find_start, with_learning_encoder
from egodepth.training.stopping import StopRequest
from egodepth.training.trainer import Trainer
from egodepth.weights import initialise_from


@dataclass(frozen=True)
class Summary:
    """How a training ended."""

    run: Path
    steps: int
    seconds: float
    best: float | None
    """abs_rel of the model that was kept, None without validation truth."""


def train(config: TrainConfig, run: Path, console: Console | None = None, auto_batch: bool = False) -> Summary:
    """Train in a run folder, or go on where it stands; the result is the same to the bit.

    Args:
        config: everything that determines the result.
        run: the folder, or its URL; see DESIGN for its layout.
        console: where to say things; standard error by default.
        auto_batch: take the largest batch up to the configured one that fits into the memory; a run that goes on keeps
            its own.

    Raises:
        InputError: unusable data, a run folder of another configuration, losses that are not finite, a full disk, a
            batch that does not fit into the memory (says which one does).
        Stopped: a signal asked for it; the run has a checkpoint of the step that it was at.
    """
    keep_freed_memory()
    console = console or Console(stderr=True)
    with (
        joined(pick_device(config.trainer.device)) as (ranks, device),
        local_run(run, console, sending=ranks.leads) as local,
    ):
        ranks.any(False, device)  # nobody writes while another process still fetches
        # Before the run folder is looked at: a run never changes its arithmetic on the way.
        config = as_begun(with_precision(config, device), local.folder)
        training = open_training_set(config.data)
        if _fell_back(config, local.folder):
            config = without_geometry(config)
        if asks_for_hints(config) and not auto_batch:  # with it, the batch of the run's own is not known yet
            check_run(local.folder, config)  # before minutes are spent on hints for somebody else's folder
        known = _known(config, training, ranks, console)
        if config.data.poses == "sfm" and known is not None:
            samples = known.samples_with_poses(training.samples, config.data.offsets)
            if samples:
                training = dataclasses.replace(training, samples=samples)
            else:
                console.print("no frame's pose is known with its neighbours': images alone teach depth and motion")
                config = without_geometry(config)
                known = _known(config, training, ranks, console)
        if auto_batch:
            config = _with_fitting_batch(config, training, known, local.folder, ranks, device, console)
        return _trained(config, training, known, local, console, ranks, device)


def _trained(
    config: TrainConfig,
    training: TrainingSet,
    known: KnownDrives | None,
    local: LocalRun,
    console: Console,
    ranks: Ranks,
    device: torch.device,
) -> Summary:
    began, steps, run = time.monotonic(), config.trainer.steps, local.folder
    dataset = _dataset(config, training, known, ranks)
    judged = _validation_drives(config.data) if ranks.leads else []
    check_run(run, config)
    say = partial(console.print, highlight=False, markup=False, soft_wrap=True)
    place = ranks.first(lambda: starting_point(run, say))
    found: list[str] = []
    start = None if place else ranks.first(lambda: find_start(config, found.append))
    if start:
        config = with_learning_encoder(config, start, found.append if ranks.leads else lambda line: None)
    objective = _objective(config, start, device)
    if ranks.count > 1 and config.trainer.shared_statistics:
        share_norms(objective, config.model.encoder)
    optimiser = build_optimiser(objective, config.optimiser)
    progress = load_checkpoint(place, objective, optimiser) if place else Progress(0, None)
    started_from = start.said if start else progress.started_from
    resident = None
    if config.data.on_device and progress.step < steps:
        resident = ResidentFrames.copied(dataset.store, dataset.samples, config.data, device, console)
        dataset.read = resident.slots.read
    compiling = compile_objective(objective, config.trainer.compile, device)
    # Last, so that a command that cannot start does not take the folder.
    ranks.first(lambda: write_text(run / CONFIG, to_json(config) + "\n"))
    ranks.first(local.saved)  # a place that cannot be written to is known before the first step
    for line in found:
        say(line)
    log = RunLog(run, progress.step, steps, console) if ranks.leads else OtherLog(ranks.rank, console)
    with log, one_line_of_compiler(), StopRequest() as stop:
        if ranks.leads:
            lines = [*_left_out(training, config.data.test_set), _squeezed(training, config.data.size), compiling]
            for line in filter(None, lines):
                log.say(line)
        job = Job(config, local, objective, dataset, resident, judged, log, device, ranks, started_from)
        trainer = job.trainer(optimiser, progress, lambda: ranks.any(bool(stop), device))
        workers, patience = config.trainer.workers, config.trainer.worker_patience
        batches = batches_from(dataset, progress.step, workers, device.type == "cuda", patience, log.say)
        done = _fitted(trainer, batches, progress.step, steps)
        if done is None:
            fits = _fitting_batch(config, dataset, device) if ranks.count == 1 else 0
            raise _too_large(config, ranks, fits)
    if done < steps:
        number = stop.signal or signal.SIGTERM  # another process was asked
        raise Stopped(f"stopped by {number.name} after step {done} of {steps}; the same command goes on", number)
    return Summary(run, steps, time.monotonic() - began, trainer.best)


def _fitted(trainer: Trainer, batches: Iterator[RawBatch], start: int, steps: int) -> int | None:
    """Steps done; None where memory ran out: what it holds is free again when this has returned."""
    try:
        return trainer.fit(batches, start, steps)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        return None


def _too_large(config: TrainConfig, ranks: Ranks, fits: int) -> InputError:
    """The refusal of a batch, with the size that `fits` (0: none) where one process trains alone."""
    size = config.trainer.batch_size
    said = f"a batch of {size} at {config.data.size[0]}x{config.data.size[1]} does not fit into the memory"
    if ranks.count > 1:
        said += f" of {ranks.count} processes; choose a smaller --trainer.batch-size, or more processes"
    elif not fits:
        said += ", nor does one image; choose a smaller --data.size"
    elif fits == size:
        said += " beside something else; see what else uses it, and start the same command again"
    else:
        said += f"; one of {fits} does: --trainer.batch-size {fits} with a new --run (--auto-batch finds it by itself)"
    return InputError(said)


def _fitting_batch(config: TrainConfig, dataset: TrainBatches, device: torch.device) -> int:
    return fitting_batch(lambda: _objective(config, None, device), dataset, config, device)


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


def _with_fitting_batch(
    config: TrainConfig,
    training: TrainingSet,
    known: KnownDrives | None,
    run: Path,
    ranks: Ranks,
    device: torch.device,
    console: Console,
) -> TrainConfig:
    """The configuration with the batch size of the run that goes on, or the largest one that fits."""
    if ranks.count > 1:
        raise InputError("--auto-batch is for one process; find the size with one, and name it to all")
    kept = kept_config(run)
    if kept is not None:
        size = kept.trainer.batch_size
    else:
        size = _fitting_batch(config, _dataset(config, training, known, ranks), device)
        if not size:
            raise _too_large(config, ranks, size)
        console.print(f"a batch of {size} fits into the memory", highlight=False)
    return dataclasses.replace(config, trainer=dataclasses.replace(config.trainer, batch_size=size))


def _left_out(training: TrainingSet, test_set: str) -> list[str]:
    """What is not trained on, and why."""
    lines = []
    if training.left_out:
        lines.append(f"left out, of the {test_set} test set: {', '.join(training.left_out)}")
    if training.still:
        frames = ", ".join(f"{name} ({count})" for name, count in training.still.items())
        lines.append(f"left out, standing still: {sum(training.still.values())} frames of {frames}")
    return lines


def _squeezed(training: TrainingSet, size: tuple[int, int]) -> str | None:
    """What to say where frames change their shape much at the network's size."""
    drive = next((drive for drive in training.drives if squeezed(drive.size, size[0] / size[1])), None)
    if drive is None:
        return None
    fitting = network_size(drive.size, size[0] * size[1])
    if fitting == size:
        return None
    return (
        f"{drive.name}: frames of {drive.size[1]}x{drive.size[0]} are squeezed to {size[1]}x{size[0]}; their own shape "
        f"has --data.size {fitting[0]} {fitting[1]} (height, width), with a new --run"
    )


def pick_device(name: str = "") -> torch.device:
    """The named device, or the GPU if there is one; `InputError` for one that is not there."""
    if not name:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"device '{name}' cannot be used here ({str(error).splitlines()[0]}); try cpu") from error
    return device


def with_precision(config: TrainConfig, device: torch.device) -> TrainConfig:
    """The configuration with a precision of the device in the place of `auto`."""
    precision = resolve_precision(config.trainer.precision, device)
    return dataclasses.replace(config, trainer=dataclasses.replace(config.trainer, precision=precision))


def _validation_drives(data: DataConfig) -> list[Drive]:
    """Drives to validate on: the best model is chosen by them, so those of the test set stay out unless named."""
    drives = select_drives(
        [drive for path in data.val_path or data.path for drive in open_drives(path, "val")], data.val_drives
    )
    named = data.val_drives != ("*",) or bool(data.val_path)
    return drives if named or data.allow_test_drives else without_test_drives(drives, data.test_set)


def _dataset(config: TrainConfig, training: TrainingSet, known: KnownDrives | None, ranks: Ranks) -> TrainBatches:
    data, trainer = config.data, config.trainer
    part = ranks.part(trainer.batch_size)
    folder = local_folder(data.store, "store") if data.store else None
    kept = 0 if data.on_device else CACHE_BYTES
    store = FrameStore(training.drives, data.size, kept, folder, data.stereo)
    return TrainBatches(store, training.samples, data, trainer.batch_size, trainer.seed, trainer.steps, part, known)


def _objective(config: TrainConfig, start: Start | None, device: torch.device) -> SelfSupervisedObjective:
    """The networks, with the weights that a run starts from; a run that goes on needs none."""
    torch.manual_seed(config.trainer.seed)
    objective = build_objective(config, start.encoders if start else False)
    if start and config.init_from:
        limits = (config.model.min_depth, config.model.max_depth)
        initialise_from(config.init_from, objective.depth_net, objective.pose_net, limits)
    return objective.to(device, memory_format=torch.channels_last)  # pyright: ignore
