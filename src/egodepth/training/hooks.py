"""Hooks of the training loop: panels, bad frames, the learned camera and checkpoints.

Each hook is a small class that the loop calls with the number of steps done. `Validation` is another hook.
"""

import dataclasses
from functools import partial
from pathlib import Path
from typing import Any

import torch

from egodepth.config import ModelConfig, TrainConfig
from egodepth.data.drive import Drive
from egodepth.data.images import write_image
from egodepth.data.storage.store import FrameStore
from egodepth.foundation.errors import InputError
from egodepth.foundation.remote import LocalRun
from egodepth.networks.focal import LearnedFocal
from egodepth.objective import SelfSupervisedObjective
from egodepth.training.checkpoint import Progress, save_checkpoint
from egodepth.training.inputs import StepInputs
from egodepth.training.kept_models import link_models
from egodepth.training.learned_camera import description
from egodepth.training.log import RunLog
from egodepth.training.panels import draw_panels
from egodepth.training.run_folder import CHECKPOINTS
from egodepth.training.validation import Validation
from egodepth.training.watch import vital_signs, warnings_of

_BAD_SHARE = 0.01
"""Largest share of unreadable training frames; more are an error."""


class Panels:
    """Writes panels of the latest batch, and warns if its figures show a collapse."""

    def __init__(
        self, objective: SelfSupervisedObjective, inputs: StepInputs, model: ModelConfig, log: RunLog, run: Path
    ) -> None:
        self._objective, self._inputs, self._log = objective, inputs, log
        self._limits, self._folder = (model.min_depth, model.max_depth), run / "panels"

    def __call__(self, done: int) -> None:
        """Write panels and figures of the latest batch."""
        if self._inputs.latest is None:
            return
        diagnosis = self._objective.diagnose(self._inputs.latest)
        panels = draw_panels(diagnosis)
        self._log.picture(done - 1, "panels", panels)
        write_image(self._folder / f"step_{done:08d}.png", panels)
        signs = vital_signs(diagnosis, self._limits)
        self._log.scalars(done - 1, {f"watch/{name}": value for name, value in signs.items()})
        for warning in warnings_of(signs):
            self._log.say(f"step {done}: {warning}")


class BadFrames:
    """Reports each unreadable frame once, and ends a training with many of them."""

    def __init__(self, store: FrameStore, log: RunLog) -> None:
        self._store, self._log = store, log
        self._reported: set[Any] = set()

    def __call__(self, done: int) -> None:
        """Report new unreadable frames; `InputError` if more than one frame in a hundred is unreadable."""
        for trouble in self._store.troubles():
            if trouble not in self._reported:
                self._reported.add(trouble)
                self._log.say(trouble)
        bad = self._store.bad_frames()
        for frame in bad:
            if frame not in self._reported:
                self._reported.add(frame)
                self._log.say(f"skipped: {frame.drive}, frame {frame.frame} cannot be read")
                self._log.scalars(done - 1, {"bad_frames": float(len(bad))})
        if len(bad) > _BAD_SHARE * len(self._store):
            raise InputError(
                f"{len(bad)} of {len(self._store)} training frames cannot be read (the last: {bad[-1].drive}, "
                f"frame {bad[-1].frame}); this is more than {_BAD_SHARE:.0%}; repair or remove them"
            )


class FocalLength:
    """Logs the learned focal length, and prints it at the end."""

    def __init__(self, focal: LearnedFocal, drives: list[Drive], steps: int, log: RunLog) -> None:
        self._focal, self._drives, self._steps, self._log = focal, drives, steps, log

    def __call__(self, done: int) -> None:
        """Log the learned factor on the given focal lengths."""
        factor = self._focal.factor
        self._log.scalars(done - 1, {"camera/focal_factor": factor})
        if done == self._steps:
            self._log.say(description(self._drives, factor))


class Checkpoints:
    """Writes checkpoints, and sends them to the run's URL if it has one."""

    def __init__(
        self,
        place: LocalRun,
        objective: SelfSupervisedObjective,
        optimiser: torch.optim.Optimizer,
        config: TrainConfig,
        started_from: str,
        validation: Validation,
    ) -> None:
        self._place, self._objective, self._optimiser = place, objective, optimiser
        self._config, self._started_from, self._validation = config, started_from, validation

    def __call__(self, done: int, skipped: int | None) -> None:
        """Write the checkpoint of a step; `skipped` is the latest step that was skipped."""
        save_checkpoint(
            self._place.folder / CHECKPOINTS,
            self._objective,
            self._optimiser,
            dataclasses.asdict(self._config),
            Progress(done, self._validation.best, skipped, self._started_from),
            self._config.trainer.keep_checkpoints,
            partial(link_models, self._place.folder),
        )
        self._place.saved()
