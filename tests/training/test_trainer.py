import json
from collections.abc import Callable
from io import StringIO
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console
from torch import Tensor, nn

from egodepth.foundation.errors import InputError
from egodepth.training.log import RunLog
from egodepth.training.trainer import Hook, Trainer


class Slope(nn.Module):
    """One weight; the loss is the weight times what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"loss": self.weight * x, "kept": torch.tensor(1.0)}


class Kinked(nn.Module):
    """A finite loss whose gradient is not: sqrt at 0."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"loss": (self.weight * x).abs().sqrt()}


def fit(
    folder: Path,
    values: object,
    start: int = 0,
    steps: int = 6,
    module: nn.Module | None = None,
    optimiser: torch.optim.Optimizer | None = None,
    rates: Callable[[int], tuple[float, ...]] = lambda step: (10.0**-step,),
    **options: object,
):
    module = module or Slope()
    seen: dict[str, Any] = {"saved": [], "hook": [], "steps": [], "module": [module]}
    said = StringIO()
    with RunLog(folder, start, steps, Console(file=said, width=400)) as log:
        trainer = Trainer(
            module=module,
            optimiser=optimiser or torch.optim.SGD(module.parameters(), 1.0),
            arguments=lambda raw, step: (seen["steps"].append(step), (torch.tensor(float(raw)),))[1],
            learning_rates=rates,
            log=log,
            log_every=2,
            batch_size=4,
            save=lambda *progress: seen["saved"].append(progress),
            checkpoint_every=4,
            hooks=[Hook(3, seen["hook"].append)],
            **options,
        )
        try:
            seen["done"] = [trainer.fit(iter(values), start, steps)]
        except InputError as error:
            seen["error"] = [str(error)]
    seen["said"] = said.getvalue()
    return seen


def test_every_step_has_its_own_rate_and_batch(tmp_path: Path):
    seen = fit(tmp_path, repeat(1.0))
    assert seen["steps"] == [0, 1, 2, 3, 4, 5]
    assert seen["module"][0].weight.item() == pytest.approx(-1.11111)


def test_a_group_whose_rate_is_zero_waits_and_its_gradients_leave_no_trace(tmp_path: Path):
    module = Slope()
    other = nn.Parameter(torch.ones(()))
    optimiser = torch.optim.Adam([{"params": module.parameters()}, {"params": [other]}])
    fit(tmp_path, repeat(1.0), steps=2, module=module, optimiser=optimiser, rates=lambda step: (0.0, 1.0))
    assert module.weight.item() == 0
    assert optimiser.state[module.weight] == {}
    fit(tmp_path, repeat(1.0), start=2, module=module, optimiser=optimiser, rates=lambda step: (1.0, 0.0))
    assert optimiser.state[module.weight]["step"] == 4


def test_going_on_keeps_the_steps_of_the_clock(tmp_path: Path):
    seen = fit(tmp_path, repeat(1.0), start=4)
    assert seen["steps"] == [4, 5]
    assert seen["module"][0].weight.item() == pytest.approx(-1.1e-4)


def test_hooks_and_checkpoints_come_at_their_steps_and_after_the_last(tmp_path: Path):
    seen = fit(tmp_path, repeat(1.0), steps=7)
    assert seen["hook"] == [3, 6, 7]
    assert seen["saved"] == [(4, None), (7, None)]


def test_the_log_has_the_losses_the_rate_and_the_speed(tmp_path: Path):
    fit(tmp_path, repeat(1.0), steps=5)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 3, 4]
    assert lines[0].keys() == {"step", "loss", "kept", "learning_rate", "images_per_second"}
    assert [line["learning_rate"] for line in lines] == pytest.approx([0.1, 1e-3, 1e-4])
    assert lines[0]["loss"] == pytest.approx(-1.0)
    assert all(line["images_per_second"] > 0 for line in lines)


class Remembering(Slope):
    """A buffer that takes in every value before anyone knows what comes of it, as batch statistics do."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        self.seen += x
        return super().forward(x)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_one_loss_that_is_not_finite_leaves_no_trace_but_a_line(tmp_path: Path, value):
    seen = fit(tmp_path, [1.0, 1.0, value, 1.0, 1.0, 1.0], module=Remembering())
    module = seen["module"][0]
    assert seen["saved"] == [(4, 2), (6, 2)]
    assert module.seen == 5
    assert module.weight.item() == pytest.approx(-1.10111)
    assert "error" not in seen
    (line,) = [line for line in seen["said"].splitlines() if "is skipped" in line]
    assert line.startswith("the loss is ")
    assert "at step 2: the step is skipped" in line


@pytest.mark.parametrize("earlier", [[float("nan")], []])
def test_the_second_loss_that_is_not_finite_ends_the_run_before_it_reaches_the_weights(tmp_path: Path, earlier):
    # The first may have been before a checkpoint.
    values = [1.0, *(earlier or [1.0]), 1.0, 1.0, 1.0, float("nan")]
    seen = fit(tmp_path, values, skipped=None if earlier else 1)
    assert [done for done, _ in seen["saved"]] == [4]
    assert torch.isfinite(seen["module"][0].weight)
    assert seen["error"][0].startswith("the loss is nan at step 5, as before at step 1")
    assert seen["error"][0].endswith("lower --optimiser.learning-rate, or check the data")


def test_long_after_the_first_the_second_is_one_of_its_own(tmp_path: Path):
    seen = fit(tmp_path, [float("nan") if step in (0, 100) else 1.0 for step in range(104)], steps=104)
    assert seen["saved"][-1] == (104, 100)


def test_weights_that_are_not_finite_are_never_kept(tmp_path: Path):
    seen = fit(tmp_path, repeat(1.0), rates=lambda step: (float("nan") if step == 1 else 1.0,))
    assert seen["saved"] == []
    assert seen["error"][0].startswith(
        "the loss is nan at step 2, and weights are not finite; those of the last checkpoint are"
    )


def test_a_gradient_that_is_not_finite_stops_before_it_reaches_the_weights(tmp_path: Path):
    seen = fit(tmp_path, repeat(1.0), module=Kinked())
    assert seen["steps"] == [0, 1]
    assert seen["saved"] == []
    assert seen["module"][0].weight.item() == 0
    assert seen["error"][0].startswith("the gradient's norm is ")


def test_asked_to_stop_it_finishes_the_step_saves_and_runs_no_hook(tmp_path: Path):
    asked = iter([False, True])
    seen = fit(tmp_path, repeat(1.0), stop=lambda: next(asked))
    assert seen["steps"] == [0, 1]
    assert seen["saved"] == [(2, None)]
    assert seen["hook"] == []
    assert seen["done"] == [2]


class Fused(Remembering):
    """The same with a weight that torch's fused Adam takes."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(3))

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        self.seen += x
        return {"loss": (self.weight * x).sum() + x, "kept": torch.tensor(1.0)}


def deferred(folder: Path, values: list[float], **options: object) -> dict[str, Any]:
    folder.mkdir(exist_ok=True)
    module = Fused()
    optimiser = torch.optim.Adam(module.parameters(), fused=True)
    rates = {"rates": lambda step: (0.1,), "steps": len(values), **options}
    return fit(folder, values, module=module, optimiser=optimiser, **rates)


def test_a_bad_step_that_is_looked_at_later_leaves_no_trace_either(tmp_path: Path):
    values = [1.0, 1.0, float("nan"), 1.0, 1.0, 1.0]
    at_once, later = deferred(tmp_path / "a", values), deferred(tmp_path / "b", values, deferred=True)
    assert torch.equal(later["module"][0].weight, at_once["module"][0].weight)
    assert later["module"][0].weight.abs().min() > 0.1
    assert later["module"][0].seen == at_once["module"][0].seen == 5
    assert later["saved"] == at_once["saved"] == [(4, 2), (6, 2)]
    assert "the loss is nan at step 2: the step is skipped" in later["said"]


def test_two_bad_steps_end_the_run_before_a_checkpoint_whenever_they_are_looked_at(tmp_path: Path):
    seen = deferred(tmp_path, [1.0, float("inf"), 1.0, float("nan"), 1.0, 1.0], deferred=True)
    assert seen["saved"] == []
    assert seen["error"][0].startswith("the loss is nan at step 3, as before at step 1")
    assert torch.isfinite(seen["module"][0].weight).all()
