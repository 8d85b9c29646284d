"""The verb `train`: from a configuration and a folder to a trained model, going on from where the folder stands."""

import dataclasses
import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from torch import Tensor

from egodepth.config import HOUSEKEEPING, DataConfig, TrainConfig, flattened, from_json, to_json
from egodepth.data.augment import draw, to_batch
from egodepth.data.drive import Drive, select_drives
from egodepth.data.images import write_image
from egodepth.data.kitti.test_sets import without_test_drives
from egodepth.data.opening import depth_frames, open_drives, thinned
from egodepth.data.resident import ResidentFrames
from egodepth.data.sampler import RawBatch, TrainBatches, batches_from
from egodepth.data.store import CACHE_BYTES, FrameStore
from egodepth.data.training_set import TrainingSet, open_training_set
from egodepth.data.types import Batch
from egodepth.errors import InputError
from egodepth.evaluation.alignment import HEADLINE
from egodepth.evaluation.evaluator import evaluate_predictions
from egodepth.evaluation.protocols import PROTOCOLS
from egodepth.files import write_text
from egodepth.networks import DepthNet
from egodepth.networks.precision import resolve_precision
from egodepth.objective import SelfSupervisedObjective, build_objective
from egodepth.predictor import DepthPredictor
from egodepth.training.checkpoint import Progress, list_checkpoints, load_checkpoint, save_checkpoint
from egodepth.training.compiling import compile_objective, one_line_of_compiler
from egodepth.training.log import RunLog
from egodepth.training.memory import keep_freed_memory
from egodepth.training.optimiser import build_optimiser
from egodepth.training.panels import draw_panels
from egodepth.training.schedule import head_start, learning_rates
from egodepth.training.statistics import with_statistics_of
from egodepth.training.trainer import Hook, Trainer
from egodepth.training.watch import vital_signs, warnings_of
from egodepth.weights import DepthModel, ModelCard, initialise_from

_BAD_SHARE = 0.01
"""Of the training frames; more unreadable ones are an error."""
_STATISTICS_BATCH = 32
"""Images whose batch statistics are measured together."""


@dataclass(frozen=True)
class Summary:
    """How a training ended."""

    run: Path
    steps: int
    seconds: float
    best: float | None
    """abs_rel of the model that was kept, None without validation truth."""


def train(config: TrainConfig, run: Path, console: Console | None = None) -> Summary:
    """Train in a run folder, or go on where it stands; the result is the same to the bit.

    Args:
        config: everything that determines the result.
        run: the folder; see DESIGN for its layout.
        console: where to say things; standard error by default.

    Raises:
        InputError: unusable data, a run folder of another configuration, a loss that is not finite, a full disk.
    """
    began = time.monotonic()
    keep_freed_memory()
    device = pick_device(config.trainer.device)
    # Before the run folder is looked at: a run never changes its arithmetic on the way.
    config = with_precision(config, device)
    training = open_training_set(config.data)
    dataset = _dataset(config, training)
    judged = _validation_drives(config.data)
    _check_run(run, config)
    checkpoints = list_checkpoints(run / "checkpoints")
    objective = _objective(config, fresh=not checkpoints).to(device, memory_format=torch.channels_last)  # pyright: ignore
    optimiser = build_optimiser(objective, config.optimiser)
    progress = load_checkpoint(checkpoints[-1], objective, optimiser) if checkpoints else Progress(0, None)
    resident = None
    if config.data.on_device and progress.step < config.trainer.steps:
        resident = ResidentFrames.copied(dataset.store, dataset.samples, config.data, device, console)
        dataset.read = resident.slots.read
    compiling = compile_objective(objective, config.trainer.compile, device)
    # Last, so that a command that cannot start does not take the folder.
    write_text(run / "config.json", to_json(config) + "\n")
    with RunLog(run, progress.step, config.trainer.steps, console) as log, one_line_of_compiler():
        if progress.step:
            log.say(f"going on from step {progress.step} of {config.trainer.steps}")
        if training.left_out:
            log.say(f"left out, of the {config.data.test_set} test set: {', '.join(training.left_out)}")
        if training.still:
            frames = ", ".join(f"{name} ({count})" for name, count in training.still.items())
            log.say(f"left out, standing still: {sum(training.still.values())} frames of {frames}")
        if compiling:
            log.say(compiling)
        job = _Job(config, run, objective, dataset, resident, judged, log, device)
        trainer = job.trainer(optimiser, progress)
        batches = batches_from(dataset, progress.step, config.trainer.workers, pin=device.type == "cuda")
        trainer.fit(batches, progress.step, config.trainer.steps)
    return Summary(run, config.trainer.steps, time.monotonic() - began, trainer.best)


@dataclass
class _Job:
    """What the hooks of one training share."""

    config: TrainConfig
    run: Path
    objective: SelfSupervisedObjective
    dataset: TrainBatches
    resident: ResidentFrames | None
    judged: list[Drive]
    """Drives to validate on."""
    log: RunLog
    device: torch.device

    def trainer(self, optimiser: torch.optim.Optimizer, progress: Progress) -> Trainer:
        settings = self.config.trainer
        self._latest: Batch | None = None
        self._reported: set[Any] = set()
        hooks = [Hook(settings.log_every, self._report_bad_frames), Hook(settings.panels_every, self._look)]
        trainer = Trainer(
            module=self.objective,
            optimiser=optimiser,
            arguments=self._arguments,
            learning_rates=lambda step: learning_rates(step, settings.steps, self.config.optimiser),
            log=self.log,
            log_every=settings.log_every,
            batch_size=settings.batch_size,
            save=lambda progress: save_checkpoint(
                self.run / "checkpoints",
                self.objective,
                optimiser,
                dataclasses.asdict(self.config),
                progress,
                settings.keep_checkpoints,
            ),
            checkpoint_every=settings.checkpoint_every,
            hooks=hooks,
            best=progress.best,
        )
        hooks.append(Hook(settings.validate_every, self._validation(trainer)))
        return trainer

    def _arguments(self, raw: RawBatch, step: int) -> tuple[Batch, list[Tensor], bool]:
        data = self.config.data
        draws = draw(self.config.trainer.seed, step, self.config.trainer.batch_size, data)
        raw = RawBatch(*(tensor.to(self.device, non_blocking=True) for tensor in raw))
        self._latest, seen = to_batch(self.resident.filled(raw) if self.resident else raw, draws, data.stereo)
        automask = step >= head_start(self.config.trainer.steps, self.config.optimiser)
        return self._latest, seen, automask

    def _look(self, done: int) -> None:
        """Panels and vital signs of the latest batch."""
        if self._latest is None:
            return
        diagnosis = self.objective.diagnose(self._latest)
        panels = draw_panels(diagnosis)
        self.log.picture(done - 1, "panels", panels)
        write_image(self.run / "panels" / f"step_{done:08d}.png", panels)
        signs = vital_signs(diagnosis, (self.config.model.min_depth, self.config.model.max_depth))
        self.log.scalars(done - 1, {f"watch/{name}": value for name, value in signs.items()})
        for warning in warnings_of(signs):
            self.log.say(f"step {done}: {warning}")

    def _report_bad_frames(self, done: int) -> None:
        store = self.dataset.store
        for trouble in store.troubles():
            if trouble not in self._reported:
                self._reported.add(trouble)
                self.log.say(trouble)
        bad = store.bad_frames()
        for frame in bad:
            if frame not in self._reported:
                self._reported.add(frame)
                self.log.say(f"skipped: {frame.drive}, frame {frame.frame} cannot be read")
                self.log.scalars(done - 1, {"bad_frames": float(len(bad))})
        if len(bad) > _BAD_SHARE * len(store):
            raise InputError(
                f"{len(bad)} of {len(store)} training frames cannot be read (the last: {bad[-1].drive}, "
                f"frame {bad[-1].frame}), more than {_BAD_SHARE:.0%}; repair or remove them"
            )

    def _validation(self, trainer: Trainer) -> Callable[[int], None]:
        """The hook that scores the model on a fixed subset and keeps the best; without truth it keeps the latest."""
        config = self.config
        alignment = "none" if config.data.metric else HEADLINE
        frames = depth_frames(self.judged, config.data.val_frames)
        protocol = PROTOCOLS["synthetic"]

        def validate(done: int) -> None:
            model = DepthModel(self._card(done), self._depth_net(), self.objective.pose_net)
            model.save(self.run / "model_last")
            if frames:
                predict = DepthPredictor(model).judged
                samples = (drive.depth_sample(frame) for drive, frame in frames)
                report = evaluate_predictions(predict, samples, protocol)
                scores = report.mean(alignment)
                self.log.scalars(done - 1, {f"val/{name}": value for name, value in scores.items()})
                better = trainer.best is None or scores["abs_rel"] < trainer.best
                self.log.say(
                    f"step {done}: validation abs_rel {scores['abs_rel']:.4f}  rmse {scores['rmse']:.3f}  "
                    f"a1 {scores['a1']:.3f} ({alignment} alignment, {len(frames)} frames){'  best' if better else ''}"
                )
                if not better:
                    return
                trainer.best = scores["abs_rel"]
            model.save(self.run / "model")

        return validate

    def _depth_net(self) -> DepthNet:
        """The depth network as it is kept; the one that trains stays as it is."""
        wanted = self.config.trainer.clean_statistics
        if not wanted:
            return self.objective.depth_net
        images, frames = [], self.resident or self.dataset.store
        for drive, frame in thinned(self.dataset.samples, wanted):
            with suppress(InputError):  # the training reports what cannot be read
                images.append(frames.read(drive, frame))
        groups = np.array_split(np.stack(images), -(-len(images) // _STATISTICS_BATCH))
        batches = (torch.from_numpy(group).to(self.device).permute(0, 3, 1, 2).float() / 255 for group in groups)
        return with_statistics_of(self.objective.depth_net, batches)

    def _card(self, done: int) -> ModelCard:
        encoder = self.objective.depth_net.encoder  # its name, not the local folder that it may have come from
        return ModelCard(
            network=dataclasses.replace(self.config.model, pretrained=False, encoder=encoder.architecture),
            size=self.config.data.size,
            metric=self.config.data.metric,
            has_pose_net=self.objective.pose_net is not None,
            depth_scaling=self.config.loss.depth_scaling,
            offsets=self.config.data.offsets,
            training_drives=tuple(drive.name for drive in self.dataset.store.drives),
            step=done,
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


def _dataset(config: TrainConfig, training: TrainingSet) -> TrainBatches:
    data, trainer = config.data, config.trainer
    folder = Path(data.store) if data.store else None
    kept = 0 if data.on_device else CACHE_BYTES
    store = FrameStore(training.drives, data.size, kept, folder, data.stereo)
    return TrainBatches(store, training.samples, data, trainer.batch_size, trainer.seed, trainer.steps)


def _objective(config: TrainConfig, fresh: bool) -> SelfSupervisedObjective:
    """The networks with the weights that a run starts from; a run that goes on needs no pretrained ones."""
    torch.manual_seed(config.trainer.seed)
    if not fresh:
        config = dataclasses.replace(config, model=dataclasses.replace(config.model, pretrained=False))
    objective = build_objective(config)
    if fresh and config.init_from:
        limits = (config.model.min_depth, config.model.max_depth)
        initialise_from(config.init_from, objective.depth_net, objective.pose_net, limits)
    return objective


def _check_run(run: Path, config: TrainConfig) -> None:
    """A run folder is new, or of the same configuration."""
    file = run / "config.json"
    if not file.exists():
        if run.exists() and any(run.iterdir()):
            raise InputError(f"{run}: not empty and not a run of egodepth; choose another --run")
        return
    old = from_json(TrainConfig, file.read_text(), file)
    before = flattened(dataclasses.asdict(old))
    for name, now in flattened(dataclasses.asdict(config)).items():
        if now != before[name] and name not in HOUSEKEEPING:
            was, is_now = json.dumps(before[name]), json.dumps(now)
            raise InputError(f"{run}: was started with {name} = {was}, not {is_now}; use the same, or another --run")
