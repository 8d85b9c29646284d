"""The training loop. It depends on steps, losses and checkpoints, but not on what is trained."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.utils import get_total_norm

from egodepth.foundation.errors import InputError
from egodepth.training.log import RunLog

_LEAST_DISTANCE = 100
"""Number of steps; if two bad steps are closer than this, the training ends with an error."""


@dataclass(frozen=True)
class Hook:
    """A callback: called after every `every` steps and after the last step, with the number of steps done."""

    every: int
    call: Callable[[int], None]


@dataclass
class Trainer:
    """The training loop with its parts; `build` makes it."""

    module: nn.Module
    optimiser: torch.optim.Optimizer
    arguments: Callable[[Any, int], tuple[Any, ...]]
    """Function from a raw batch and the step's number to the arguments of the module."""
    learning_rates: Callable[[int], tuple[float, ...]]
    """Function from a step to the learning rates, one per parameter group of the optimiser."""
    log: RunLog
    log_every: int
    batch_size: int
    save: Callable[[int, int | None], object]
    """Writes a checkpoint; its arguments are the number of steps done and the latest step that was skipped."""
    checkpoint_every: int
    hooks: list[Hook]
    skipped: int | None = None
    """Latest step that was skipped."""
    stop: Callable[[], bool] = lambda: False
    """Called after every step; True ends the training with a checkpoint."""
    mean: Callable[[Tensor], Tensor] = lambda values: values
    """Computes the mean over all processes that train together, in place."""
    deferred: bool = False
    """Skip bad steps on the device, and read only from time to time which ones they were, so that a GPU never waits.
    The optimiser must support `found_inf` (torch's fused Adam)."""
    read_every: tuple[int, ...] = ()
    """Intervals in steps at which deferred outcomes are read, besides those of the log and the checkpoints."""
    _unread: list["_Outcome"] = field(default_factory=list)

    def fit(self, batches: Iterator[Any], start: int, steps: int) -> int:
        """Run the steps from `start` to `steps`, or until `stop` returns True.

        A bad step, whose loss or gradient is not finite, is skipped and does not change the weights. A second bad step
        soon after is an `InputError`.

        Returns:
            The number of steps done.
        """
        began, since = time.monotonic(), start
        for step in range(start, steps):
            done, rates = step + 1, self.learning_rates(step)
            losses = self._step(next(batches), step, rates)
            stop, logs = self.stop(), done % self.log_every == 0 or done == steps
            if not self.deferred or logs or stop or self._is_due(done, steps):
                bad = self._read_outcomes()
                if logs and step not in bad:
                    values = {name: value.item() for name, value in losses.items()}
                    speed = (done - since) * self.batch_size / (time.monotonic() - began)
                    self.log.scalars(step, {**values, "learning_rate": max(rates), "images_per_second": speed})
                    self.log.advance(done, _line(values, speed))
                    began, since = time.monotonic(), done
            self._call_hooks(done, steps, stop)
            if stop:
                return done
        return max(start, steps)

    def _step(self, raw: Any, step: int, rates: tuple[float, ...]) -> dict[str, Tensor]:
        """Run one step and return its losses; a bad step changes neither weights nor buffers."""
        for group, rate in zip(self.optimiser.param_groups, rates, strict=True):
            group["lr"] = rate
        self.module.train()
        # The forward pass updates batch statistics before it is known whether the step is bad.
        before = [buffer.clone() for buffer in self.module.buffers()]
        own = self.module(*self.arguments(raw, step))
        losses = dict(zip(own, self.mean(torch.stack([value.detach() for value in own.values()])), strict=True))
        norm = losses["loss"].new_zeros(())
        # On a processor, the backward pass of grid_sample crashes on NaN coordinates.
        if self.deferred or losses["loss"].isfinite():
            self.optimiser.zero_grad(set_to_none=True)
            own["loss"].backward()
            norm = get_total_norm([p.grad for p in self.module.parameters() if p.grad is not None])
        bad = ~(losses["loss"].isfinite() & norm.isfinite())
        self._unread.append(_Outcome(step, bad, losses["loss"], norm))
        if self.deferred:
            self.optimiser.found_inf = bad.float()  # pyright: ignore[reportAttributeAccessIssue]
        if self.deferred or not bad:
            self._update(rates)
        if self.deferred or bad:
            for buffer, value in zip(self.module.buffers(), before, strict=True):
                buffer.copy_(torch.where(bad, value, buffer))
        return losses

    def _update(self, rates: tuple[float, ...]) -> None:
        for group, rate in zip(self.optimiser.param_groups, rates, strict=True):
            if rate == 0:  # without a gradient, Adam's moments do not change
                for parameter in group["params"]:
                    parameter.grad = None
        self.optimiser.step()

    def _read_outcomes(self) -> set[int]:
        """Return the steps that were skipped since the last call; `InputError` if they are too close to each other."""
        unread, self._unread = self._unread, []
        bad = [
            outcome
            for outcome, is_bad in zip(unread, torch.stack([o.bad for o in unread]).tolist(), strict=True)
            if is_bad
        ]
        for outcome in bad:
            step, said = outcome.step, outcome.described()
            if self.skipped is not None and step - self.skipped < _LEAST_DISTANCE:
                raise InputError(
                    f"{said}, as before at step {self.skipped}; the weights of the last checkpoint are good: lower "
                    "--optimiser.learning-rate, or check the data"
                )
            if not all(parameter.isfinite().all() for parameter in self.module.parameters()):
                raise InputError(
                    f"{said}, and weights are not finite; those of the last checkpoint are good: lower "
                    "--optimiser.learning-rate, or check the data"
                )
            self.skipped = step
            self.log.say(f"{said}: the step is skipped (another one within {_LEAST_DISTANCE} steps ends the run)")
        return {outcome.step for outcome in bad}

    def _is_due(self, done: int, steps: int) -> bool:
        """Return whether outcomes are read after a step: at the same steps in every process, whatever its hooks."""
        return done == steps or any(done % every == 0 for every in (self.checkpoint_every, *self.read_every))

    def _call_hooks(self, done: int, steps: int, stop: bool) -> None:
        """Call the hooks that are due, then write a checkpoint, which contains their results; `stop` forces it."""
        for hook in self.hooks:
            if done % hook.every == 0 or done == steps:
                hook.call(done)
        if done % self.checkpoint_every == 0 or done == steps or stop:
            self.save(done, self.skipped)


class _Outcome(NamedTuple):
    """Outcome of a step; its tensors stay on the device."""

    step: int
    bad: Bool[Tensor, ""]
    loss: Float[Tensor, ""]
    gradient_norm: Float[Tensor, ""]

    def described(self) -> str:
        """Return the reason why a step is bad, as text."""
        what, value = ("gradient's norm", self.gradient_norm)
        if not self.loss.isfinite():
            what, value = "loss", self.loss
        return f"the {what} is {value.item()} at step {self.step}"


def _line(values: dict[str, float], speed: float) -> str:
    figures = "  ".join(f"{name} {values[name]:.4f}" for name in ("loss", "kept") if name in values)
    return f"{speed:.1f} images/s  {figures}"
