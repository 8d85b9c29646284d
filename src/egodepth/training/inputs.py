"""Convert the frames of a step to the arguments of the objective."""

from typing import Any

import torch

from egodepth.config import TrainConfig
from egodepth.data.batch import Batch
from egodepth.data.samples.augment import draw, shrunk, to_batch
from egodepth.data.samples.pasting import pasted
from egodepth.data.samples.resident import ResidentFrames
from egodepth.data.samples.sampler import RawBatch
from egodepth.training.schedule import emphasis, head_start


class StepInputs:
    """Augments the frames of a step on the device; a pure function of the seed, the step and the frames."""

    def __init__(
        self,
        config: TrainConfig,
        device: torch.device,
        part: slice = slice(None),
        resident: ResidentFrames | None = None,
    ) -> None:
        """Store the settings.

        Args:
            config: configuration of the training.
            device: device of the training.
            part: this process's samples of a batch.
            resident: the frames on the device, if they are stored there.
        """
        self._config, self._device, self._part, self._resident = config, device, part, resident
        self.latest: Batch | None = None
        """The batch of the latest step, for the panels; None before the first step."""

    def __call__(self, raw: RawBatch, step: int) -> tuple[Any, ...]:
        """Return the arguments of `SelfSupervisedObjective.forward`; without `emphasis` if it is constant."""
        config, data, steps = self._config, self._config.data, self._config.trainer.steps
        draws = draw(config.trainer.seed, step, config.trainer.batch_size, data).of(self._part)
        raw = raw.to(self._device, non_blocking=True)
        raw = self._resident.filled(raw) if self._resident else raw
        batch, seen = to_batch(pasted(raw, draws.paste), draws, data.stereo, data.poses == "sfm")
        if step < data.small_first * steps:
            batch, seen = shrunk(batch, seen)
        self.latest = batch
        automask = step >= head_start(steps, config.optimiser)
        if not config.hints.enabled and not config.loss.photometric_from:
            return batch, seen, automask
        return batch, seen, automask, emphasis(step, steps, config.loss, config.hints)
