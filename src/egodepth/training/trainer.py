"""The loop. It knows steps, losses and checkpoints, and nothing of depth."""

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

_BAD_AGAIN = 100
"""Steps: two that are not finite within so many are no accident of one batch."""


@dataclass(frozen=True)
class Hook:
    """Something done now and then: after every `every` steps and after the last, with the number of steps done."""

    every: int
    call: Callable[[int], None]


@dataclass
class Trainer:
    """Everything that the loop needs; `build` makes it."""

    module: nn.Module
    optimiser: torch.optim.Optimizer
    arguments: Callable[[Any, int], tuple[Any, ...]]
    """What the module is called with: from a raw batch and the step's number."""
    learning_rates: Callable[[int], tuple[float, ...]]
    """From a step to one rate a parameter group of the optimiser."""
    log: RunLog
    log_every: int
    batch_size: int
    save: Callable[[int, int | None], object]
    """Keeps a checkpoint, of the number of steps done and the latest step that was left out."""
    checkpoint_every: int
    hooks: list[Hook]
    skipped: int | None = None
    """The latest step that was left out."""
    stop: Callable[[], bool] = lambda: False
    """Asked after every step; the run ends there, with a checkpoint."""
    mean: Callable[[Tensor], Tensor] = lambda values: values
    """Mean over all processes that train together, in place."""
    deferred: bool = False
    """Leave out bad steps on the device, and look only now and then which they were: a GPU then never waits. It needs
    an optimiser that knows `found_inf` (torch's fused Adam)."""
    _unread: list["_Outcome"] = field(default_factory=list)

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
            self._now_and_then(done, steps, stop)
            if stop:
                return done
        return max(start, steps)

    def _step(self, raw: Any, step: int, rates: tuple[float, ...]) -> dict[str, Tensor]:
        """Losses of a step; where loss or gradient is not finite, nothing has changed."""
        for group, rate in zip(self.optimiser.param_groups, rates, strict=True):
            group["lr"] = rate
        self.module.train()
        # Batch statistics take in an image before anyone knows what comes of it.
        before = [buffer.clone() for buffer in self.module.buffers()]
        own = self.module(*self.arguments(raw, step))
        losses = dict(zip(own, self.mean(torch.stack([value.detach() for value in own.values()])), strict=True))
        norm = losses["loss"].new_zeros(())
        # On a processor the backward pass of grid_sample crashes on coordinates that are no numbers.
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
            if rate == 0:  # waits, and takes no account of these gradients later on
                for parameter in group["params"]:
                    parameter.grad = None
        self.optimiser.step()

    def _read_outcomes(self) -> set[int]:
        """The steps that were left out since the last look; `InputError` where they are no accident."""
        unread, self._unread = self._unread, []
        bad = [
            outcome
            for outcome, is_bad in zip(unread, torch.stack([o.bad for o in unread]).tolist(), strict=True)
            if is_bad
        ]
        for outcome in bad:
            step, said = outcome.step, outcome.described()
            if self.skipped is not None and step - self.skipped < _BAD_AGAIN:
                raise InputError(
                    f"{said}, as at step {self.skipped} before; the weights of the last checkpoint are good: lower "
                    "--optimiser.learning-rate, or look at the data"
                )
            if not all(parameter.isfinite().all() for parameter in self.module.parameters()):
                raise InputError(
                    f"{said}, and so are weights; those of the last checkpoint are good: lower --optimiser."
                    "learning-rate, or look at the data"
                )
            self.skipped = step
            self.log.say(f"{said}: the step is left out (another within {_BAD_AGAIN} steps ends the run)")
        return {outcome.step for outcome in bad}

    def _is_due(self, done: int, steps: int) -> bool:
        """Whether a hook or a checkpoint comes after a step."""
        return done == steps or any(
            done % every == 0 for every in (self.checkpoint_every, *(h.every for h in self.hooks))
        )

    def _now_and_then(self, done: int, steps: int, stop: bool) -> None:
        """Hooks first, so that a checkpoint knows what they found; asked to stop, the checkpoint alone."""
        for hook in self.hooks:
            if done % hook.every == 0 or done == steps:
                hook.call(done)
        if done % self.checkpoint_every == 0 or done == steps or stop:
            self.save(done, self.skipped)


class _Outcome(NamedTuple):
    """Whether a step was good, on the device."""

    step: int
    bad: Bool[Tensor, ""]
    loss: Float[Tensor, ""]
    gradient_norm: Float[Tensor, ""]

    def described(self) -> str:
        """What is wrong with a bad step."""
        what, value = ("gradient's norm", self.gradient_norm)
        if not self.loss.isfinite():
            what, value = "loss", self.loss
        return f"the {what} is {value.item()} at step {self.step}"


def _line(values: dict[str, float], speed: float) -> str:
    figures = "  ".join(f"{name} {values[name]:.4f}" for name in ("loss", "kept") if name in values)
    return f"{speed:.1f} images/s  {figures}"
