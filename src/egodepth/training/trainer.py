"""The loop. It knows steps, losses and checkpoints, and nothing of depth."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import get_total_norm

from egodepth.errors import InputError
from egodepth.training.checkpoint import Progress
from egodepth.training.log import RunLog


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

    def fit(self, batches: Iterator[Any], start: int, steps: int) -> None:
        """Run steps `start` to `steps`; on a non-finite loss or gradient, stop before it reaches the weights."""
        began, since = time.monotonic(), start
        for step in range(start, steps):
            rates = self.learning_rates(step)
            losses = self._step(next(batches), step, rates)
            done = step + 1
            if done % self.log_every == 0 or done == steps:
                values = {name: value.item() for name, value in losses.items()}
                speed = (done - since) * self.batch_size / (time.monotonic() - began)
                self.log.scalars(step, {**values, "learning_rate": max(rates), "images_per_second": speed})
                self.log.advance(done, _line(values, speed))
                began, since = time.monotonic(), done
            self._now_and_then(done, steps)

    def _step(self, raw: Any, step: int, rates: tuple[float, ...]) -> dict[str, Tensor]:
        for group, rate in zip(self.optimiser.param_groups, rates, strict=True):
            group["lr"] = rate
        self.module.train()
        losses = self.module(*self.arguments(raw, step))
        # Before the backward pass, too: that of grid_sample crashes the process on coordinates that are no numbers.
        _check_finite("loss", losses["loss"], step)
        self.optimiser.zero_grad(set_to_none=True)
        losses["loss"].backward()
        gradients = [p.grad for p in self.module.parameters() if p.grad is not None]
        _check_finite("gradient's norm", get_total_norm(gradients), step)
        for group, rate in zip(self.optimiser.param_groups, rates, strict=True):
            if rate == 0:  # waits, and takes no account of these gradients later on
                for parameter in group["params"]:
                    parameter.grad = None
        self.optimiser.step()
        return losses

    def _now_and_then(self, done: int, steps: int) -> None:
        """Hooks first, so that a checkpoint knows the best figure they found."""
        for hook in self.hooks:
            if done % hook.every == 0 or done == steps:
                hook.call(done)
        if done % self.checkpoint_every == 0 or done == steps:
            self.save(Progress(done, self.best))


def _check_finite(what: str, value: Tensor, step: int) -> None:
    if not torch.isfinite(value):
        raise InputError(
            f"the {what} is {value.item()} at step {step}; the weights of the last checkpoint are good: "
            "lower --optimiser.learning-rate, or look at the data"
        )


def _line(values: dict[str, float], speed: float) -> str:
    figures = "  ".join(f"{name} {values[name]:.4f}" for name in ("loss", "kept") if name in values)
    return f"{speed:.1f} images/s  {figures}"
