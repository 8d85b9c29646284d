"""What a training does besides its steps: checkpoints, pictures, bad frames, validation, the model that is kept."""

import dataclasses
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from egodepth.config import TrainConfig
from egodepth.data.batch import Batch
from egodepth.data.drive import Drive
from egodepth.data.media.images import write_image
from egodepth.data.opening import depth_frames, thinned
from egodepth.data.samples.augment import draw, shrunk, to_batch
from egodepth.data.samples.pasting import pasted
from egodepth.data.samples.resident import ResidentFrames
from egodepth.data.samples.sampler import RawBatch, TrainBatches
from egodepth.evaluation.alignment import HEADLINE
from egodepth.evaluation.evaluator import evaluate_predictions
from egodepth.evaluation.protocols import PROTOCOLS
from egodepth.foundation.errors import InputError
from egodepth.foundation.ranks import Ranks
from egodepth.foundation.remote import LocalRun
from egodepth.inference.predictor import DepthPredictor
from egodepth.networks import DepthNet
from egodepth.objective import SelfSupervisedObjective
from egodepth.training.checkpoint import Progress, save_checkpoint
from egodepth.training.kept_models import link_models
from egodepth.training.learned_camera import description, write_learned_camera
from egodepth.training.log import RunLog
from egodepth.training.panels import draw_panels
from egodepth.training.run_folder import CHECKPOINTS
from egodepth.training.schedule import emphasis, head_start, learning_rates
from egodepth.training.statistics import with_statistics_of
from egodepth.training.trainer import Hook, Trainer
from egodepth.training.watch import vital_signs, warnings_of
from egodepth.weights import DepthModel, ModelCard, cameras_of, usual_focal

_BAD_SHARE = 0.01
"""Of the training frames; more unreadable ones are an error."""
_STATISTICS_BATCH = 32
"""Images whose batch statistics are measured together."""


@dataclass
class Job:
    """What the hooks of one training share."""

    config: TrainConfig
    place: LocalRun
    objective: SelfSupervisedObjective
    dataset: TrainBatches
    resident: ResidentFrames | None
    judged: list[Drive]
    """Drives to validate on."""
    log: RunLog
    device: torch.device
    ranks: Ranks
    started_from: str
    """See `ModelCard`."""

    @property
    def run(self) -> Path:
        """The run's folder."""
        return self.place.folder

    def trainer(self, optimiser: torch.optim.Optimizer, progress: Progress, stop: Callable[[], bool]) -> Trainer:
        """The loop, from where it stands, with the hooks; `stop` is asked after every step."""
        settings = self.config.trainer
        self._latest: Batch | None = None
        self._reported: set[Any] = set()
        hooks = [Hook(settings.log_every, self._report_bad_frames)]
        if self.ranks.leads:
            hooks.append(Hook(settings.panels_every, self._look))
            if self.objective.focal is not None:
                hooks.append(Hook(settings.log_every, self._log_focal))
        trainer = Trainer(
            module=self.ranks.wrapped(self.objective, self.device),
            optimiser=optimiser,
            arguments=self.arguments,
            learning_rates=self._learning_rates,
            log=self.log,
            log_every=settings.log_every,
            batch_size=settings.batch_size,
            save=partial(self._save, optimiser),
            checkpoint_every=settings.checkpoint_every,
            hooks=hooks,
            mean=self.ranks.mean,
            best=progress.best,
            skipped=progress.skipped,
            stop=stop,
        )
        if self.ranks.leads:
            hooks.append(Hook(settings.validate_every, self._validation(trainer)))
        return trainer

    def _save(self, optimiser: torch.optim.Optimizer, progress: Progress) -> None:
        if self.ranks.leads:
            save_checkpoint(
                self.run / CHECKPOINTS,
                self.objective,
                optimiser,
                dataclasses.asdict(self.config),
                dataclasses.replace(progress, started_from=self.started_from),
                self.config.trainer.keep_checkpoints,
                partial(link_models, self.run),
            )
            self.place.saved()

    def _learning_rates(self, step: int) -> tuple[float, ...]:
        """Of a step: one a parameter group of `build_optimiser`.

        A learned focal length waits with the depth network during the head start: of a scene that is still flat it
        would be told nothing that is true.
        """
        settings = self.config.optimiser
        depth, poses = learning_rates(step, self.config.trainer.steps, settings)
        encoder = () if settings.encoder_rate == 1 else (settings.encoder_rate * depth,)
        focal = () if self.objective.focal is None else (settings.focal_rate * depth,)
        return depth, poses, *encoder, *focal

    def _log_focal(self, done: int) -> None:
        if self.objective.focal is None:
            return
        factor = self.objective.focal.factor
        self.log.scalars(done - 1, {"camera/focal_factor": factor})
        if done == self.config.trainer.steps:
            self.log.say(description(self.dataset.store.drives, factor))

    def arguments(self, raw: RawBatch, step: int) -> tuple[Any, ...]:
        """What the objective is called with: the batch, what the networks see of it, whether to mask, what counts."""
        data = self.config.data
        drawn = draw(self.config.trainer.seed, step, self.config.trainer.batch_size, data)
        draws = drawn.of(self.dataset.part)
        raw = raw.to(self.device, non_blocking=True)
        raw = self.resident.filled(raw) if self.resident else raw
        self._latest, seen = to_batch(pasted(raw, draws.paste), draws, data.stereo, data.poses == "sfm")
        config, steps = self.config, self.config.trainer.steps
        if step < data.small_first * steps:
            self._latest, seen = shrunk(self._latest, seen)
        automask = step >= head_start(steps, config.optimiser)
        if not config.hints.enabled and not config.loss.photometric_from:
            return self._latest, seen, automask
        counts = emphasis(step, steps, config.loss, config.hints)
        return self._latest, seen, automask, counts

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
            if self.objective.focal is not None:
                write_learned_camera(self.run, self.dataset.store.drives, self.objective.focal.factor)
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
        if not wanted or not self.config.optimiser.encoder_rate:  # the decoder has no batch norm
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
        factor = self.objective.focal.factor if self.objective.focal is not None else 1.0
        across, down = usual_focal(cameras_of(self.dataset.store.drives))
        return ModelCard(
            network=dataclasses.replace(
                self.config.model,
                encoder=encoder.architecture,
                pretrained=False,
                without_weights="stop",
                normalisation=encoder.normalisation,  # of weights that were given it may be another than asked for
            ),
            size=self.config.data.size,
            metric=self.config.data.metric,
            has_pose_net=self.objective.pose_net is not None,
            depth_scaling=self.config.loss.depth_scaling,
            offsets=self.config.data.offsets,
            training_drives=tuple(drive.name for drive in self.dataset.store.drives),
            step=done,
            teacher=self.dataset.known.teacher if self.dataset.known else "",
            started_from=self.started_from,
            focal=(across * factor, down * factor),
            focal_factor=factor,
        )
