"""The loop. It knows steps, losses and checkpoints, and nothing of depth."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import get_total_norm

from egodepth.foundation.errors import InputError
from egodepth.training.checkpoint import Progress
from egodepth.training.log import RunLog

_BAD_AGAIN = 100
"""Steps: two that are not finite within so many are no accident of one batch."""


class _NotFiniteError(Exception):
    """Loss or gradient of a step."""


@dataclass(frozen=True)
class Hook:
    """Something done now and then: after every `every` steps and after the last, with the number of steps done."""

    every: int
    call: Callable[[int], None]


@dataclass
class Trainer:
    """Everything the loop needs, made by the verb `train`."""

    module: nn.Module
    optimiser: torch.optim.Optimizer
    arguments: Callable[[Any, int], tuple[Any, ...]]
    """What the module is called with: from a raw batch and the step's number."""
    learning_rates: Callable[[int], tuple[float, ...]]
    """Of a step: one a parameter group of the optimiser."""
    log: RunLog
    log_every: int
    batch_size: int
    save: Callable[[Progress], object]
    checkpoint_every: int
    hooks: list[Hook]
    best: float | None = None
    skipped: int | None = None
    """The latest step that was left out."""
    stop: Callable[[], bool] = lambda: False
    """Asked after every step; the run ends there, with a checkpoint."""
    mean: Callable[[Tensor], Tensor] = lambda values: values
    """Over all processes that train together, in place."""

    def fit(self, batches: Iterator[Any], start: int, steps: int) -> int:
        """Run steps `start` to `steps`, or up to the one after which it is asked to `stop`.

        A step whose loss or gradient is not finite is left out before it reaches the weights; a second one soon after
        is an `InputError`.

        Returns:
            How many steps are done.
        """
        began, since = time.monotonic(), start
        for step in range(start, steps):
            done, rates = step + 1, self.learning_rates(step)
            losses = self._tried(next(batches), step, rates)
            if losses and (done % self.log_every == 0 or done == steps):
                values = {name: value.item() for name, value in losses.items()}
                speed = (done - since) * self.batch_size / (time.monotonic() - began)
                self.log.scalars(step, {**values, "learning_rate": max(rates), "images_per_second": speed})
                self.log.advance(done, _line(values, speed))
                began, since = time.monotonic(), done
            stop = self.stop()
            self._now_and_then(done, steps, stop)
            if stop:
                return done
        return max(start, steps)

    def _tried(self, raw: Any, step: int, rates: tuple[float, ...]) -> dict[str, Tensor]:
        """Losses of a step; none if it was left out, and nothing has changed."""
        # Batch statistics take in an image before anyone knows what comes of it.
        before = [buffer.clone() for buffer in self.module.buffers()]
        try:
            return self._step(raw, step, rates)
        except _NotFiniteError as error:
            if self.skipped is not None and step - self.skipped < _BAD_AGAIN:
                raise InputError(
                    f"{error}, as at step {self.skipped} before; the weights of the last checkpoint are good: lower "
                    "--optimiser.learning-rate, or look at the data"
                ) from error
            if not all(parameter.isfinite().all() for parameter in self.module.parameters()):
                raise InputError(
                    f"{error}, and so are weights; those of the last checkpoint are good: lower --optimiser."
                    "learning-rate, or look at the data"
                ) from error
            self.skipped = step
            self.log.say(f"{error}: the step is left out (another within {_BAD_AGAIN} steps ends the run)")
        for buffer, value in zip(self.module.buffers(), before, strict=True):
            buffer.copy_(value)
        return {}

    def _step(self, raw: Any, step: int, rates: tuple[float, ...]) -> dict[str, Tensor]:
        for group, rate in zip(self.optimiser.param_groups, rates, strict=True):
            group["lr"] = rate
        self.module.train()
        own = self.module(*self.arguments(raw, step))
        losses = dict(zip(own, self.mean(torch.stack([value.detach() for value in own.values()])), strict=True))
        # Before the backward pass, too: that of grid_sample crashes the process on coordinates that are no numbers.
        _check_finite("loss", losses["loss"], step)
        self.optimiser.zero_grad(set_to_none=True)
        own["loss"].backward()
        gradients = [p.grad for p in self.module.parameters() if p.grad is not None]
        _check_finite("gradient's norm", get_total_norm(gradients), step)
        for group, rate in zip(self.optimiser.param_groups, rates, strict=True):
            if rate == 0:  # waits, and takes no account of these gradients later on
                for parameter in group["params"]:
                    parameter.grad = None
        self.optimiser.step()
        return losses

    def _now_and_then(self, done: int, steps: int, stop: bool) -> None:
        """Hooks first, so that a checkpoint knows the best figure they found; asked to stop, the checkpoint alone."""
        for hook in self.hooks:
            if done % hook.every == 0 or done == steps:
                hook.call(done)
        if done % self.checkpoint_every == 0 or done == steps or stop:
            self.save(Progress(done, self.best, self.skipped))


def _check_finite(what: str, value: Tensor, step: int) -> None:
    if not torch.isfinite(value):
        raise _NotFiniteError(f"the {what} is {value.item()} at step {step}")


def _line(values: dict[str, float], speed: float) -> str:
    figures = "  ".join(f"{name} {values[name]:.4f}" for name in ("loss", "kept") if name in values)
    return f"{speed:.1f} images/s  {figures}"
