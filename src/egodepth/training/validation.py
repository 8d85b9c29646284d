"""Validation: score the model at regular intervals, and keep the best one."""

import dataclasses
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch

from egodepth.config import TrainConfig
from egodepth.data.drive import Drive
from egodepth.data.opening import depth_frames, kind_of, thinned
from egodepth.data.samples.resident import ResidentFrames
from egodepth.data.samples.sampler import TrainBatches
from egodepth.evaluation.alignment import HEADLINE
from egodepth.evaluation.benchmarks import PROTOCOLS
from egodepth.evaluation.evaluator import evaluate_predictions
from egodepth.foundation.errors import InputError
from egodepth.inference.predictor import DepthPredictor
from egodepth.networks import DepthNet
from egodepth.objective import SelfSupervisedObjective
from egodepth.training.learned_camera import write_learned_camera
from egodepth.training.log import RunLog
from egodepth.training.statistics import with_statistics_of
from egodepth.weights import DepthModel, ModelCard, cameras_of, usual_focal

_STATISTICS_BATCH = 32
"""Images whose batch statistics are measured together."""


class ModelSnapshots:
    """Makes models to save from the objective that trains, which does not change."""

    def __init__(
        self,
        config: TrainConfig,
        objective: SelfSupervisedObjective,
        dataset: TrainBatches,
        resident: ResidentFrames | None,
        started_from: str,
    ) -> None:
        self._config, self._objective, self._dataset = config, objective, dataset
        self._frames, self._started_from = resident or dataset.store, started_from
        self._data_sets = tuple(dict.fromkeys(map(kind_of, config.data.path)))

    def model(self, done: int) -> DepthModel:
        """Return the networks after `done` steps, with their model card."""
        return DepthModel(self._card(done), self._depth_net(), self._objective.pose_net)

    def write_camera(self, run: Path) -> None:
        """Write the learned camera, if there is one, into the run folder."""
        if self._objective.focal is not None:
            write_learned_camera(run, self._dataset.store.drives, self._objective.focal.factor)

    def _depth_net(self) -> DepthNet:
        """Return the depth network, with the batch statistics of clean images if the configuration asks for them."""
        wanted = self._config.trainer.clean_statistics
        if not wanted or not self._config.optimiser.encoder_rate:  # the decoder has no batch norm
            return self._objective.depth_net
        images = []
        for drive, frame in thinned(self._dataset.samples, wanted):
            with suppress(InputError):  # the training reports unreadable frames
                images.append(self._frames.read(drive, frame))
        groups = np.array_split(np.stack(images), -(-len(images) // _STATISTICS_BATCH))
        device = next(self._objective.parameters()).device
        batches = (torch.from_numpy(group).to(device).permute(0, 3, 1, 2).float() / 255 for group in groups)
        return with_statistics_of(self._objective.depth_net, batches)

    def _card(self, done: int) -> ModelCard:
        config, encoder = self._config, self._objective.depth_net.encoder
        factor = self._objective.focal.factor if self._objective.focal is not None else 1.0
        across, down = usual_focal(cameras_of(self._dataset.store.drives))
        return ModelCard(
            network=dataclasses.replace(
                config.model,
                encoder=encoder.architecture,  # timm's name, not a local folder
                pretrained=False,
                without_weights="stop",
                normalisation=encoder.normalisation,  # given weights may have another than the configuration
            ),
            size=config.data.size,
            metric=config.data.metric,
            has_pose_net=self._objective.pose_net is not None,
            depth_scaling=config.loss.depth_scaling,
            offsets=config.data.offsets,
            training_drives=tuple(drive.name for drive in self._dataset.store.drives),
            data_sets=self._data_sets,
            step=done,
            teacher=self._dataset.known.teacher if self._dataset.known else "",
            started_from=self._started_from,
            focal=(across * factor, down * factor),
            focal_factor=factor,
        )


class Validation:
    """Scores the model on a fixed subset and saves the best one; without true depth it saves the latest one."""

    def __init__(
        self,
        snapshots: ModelSnapshots,
        validation_drives: list[Drive],
        config: TrainConfig,
        log: RunLog,
        run: Path,
        best: float | None,
    ) -> None:
        """Choose the frames.

        Args:
            snapshots: makes the model.
            validation_drives: drives for the validation.
            config: configuration of the training.
            log: receives the scores.
            run: folder of the models `model` (the best) and `model_last`.
            best: abs_rel of the best model so far; None without one.
        """
        self._snapshots, self._log, self._run, self.best = snapshots, log, run, best
        self._alignment = "none" if config.data.metric else HEADLINE
        self._frames = depth_frames(validation_drives, config.data.val_frames)

    def __call__(self, done: int) -> None:
        """Save the model of this step, and score it."""
        model = self._snapshots.model(done)
        model.save(self._run / "model_last")
        self._snapshots.write_camera(self._run)
        if self._frames and not self._is_best(model, done):
            return
        model.save(self._run / "model")

    def _is_best(self, model: DepthModel, done: int) -> bool:
        samples = (drive.depth_sample(frame) for drive, frame in self._frames)
        report = evaluate_predictions(DepthPredictor(model).judged, samples, PROTOCOLS["synthetic"])
        scores = report.mean(self._alignment)
        self._log.scalars(done - 1, {f"val/{name}": value for name, value in scores.items()})
        better = self.best is None or scores["abs_rel"] < self.best
        how = f"{self._alignment} alignment, {len(self._frames)} frames"
        self._log.say(
            f"step {done}: validation abs_rel {scores['abs_rel']:.4f}  rmse {scores['rmse']:.3f}  "
            f"a1 {scores['a1']:.3f} ({how}){'  best' if better else ''}"
        )
        if better:
            self.best = scores["abs_rel"]
        return better
