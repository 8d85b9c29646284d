"""The training step compared with its plain twin, and the time of each of its stages."""

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from rich.console import Console
from rich.progress import track
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import CLONE
from benchmarks.figures import Figure, Ratio, Result
from benchmarks.floor import matrix_rate, memory_rate, seconds
from benchmarks.twin import PlainTwin
from egodepth.config import DataConfig, TrainConfig, TrainerConfig
from egodepth.data.batch import Batch
from egodepth.data.samples.augment import draw, to_batch
from egodepth.data.samples.sampler import RawBatch
from egodepth.networks.precision import resolve_precision
from egodepth.objective import Estimate, SelfSupervisedObjective, build_objective
from egodepth.training.memory import keep_freed_memory
from egodepth.training.optimiser import build_optimiser

TWIN, OURS, ROUGH = "the plain twin", "the step", "the step, bfloat16 networks"


@dataclass
class Contender:
    """One implementation of the step, ready to run."""

    step: Callable[[], object]
    loss: Callable[[], object]
    """Runs warp and loss, forward and backward, from given disparities and poses."""


def measure_step(size: tuple[int, int], batch_size: int, repeats: int, device: torch.device) -> Result:
    """Measure steps of monocular video (M) with ResNet-18 and the separate pose network, all contenders in turns.

    Args:
        size: height and width of the network's input.
        batch_size: samples per step.
        repeats: number of repeats, after one of each that is not counted.
        device: device of the measurement.
    """
    keep_freed_memory()
    config = TrainConfig(data=DataConfig(size=size), trainer=TrainerConfig(batch_size=batch_size))
    raw = random_frames(size, batch_size, device)
    batch, seen = to_batch(raw, draw(0, 0, batch_size, config.data), stereo=False)
    ours = OurStep(config, device, batch, seen)
    contenders = {TWIN: twin_step(config, device, batch, ours.given), OURS: ours.contender()}
    if resolve_precision("auto", device) == "bfloat16":
        rough = replace(config, trainer=replace(config.trainer, precision="bfloat16"))
        contenders[ROUGH] = OurStep(rough, device, batch, seen).contender()
    times: dict[str, list[float]] = defaultdict(list)
    for turn in track(range(repeats + 1), "Measuring steps", console=Console(stderr=True), transient=True):
        for name, contender in contenders.items():
            step, loss = (seconds(action, device) for action in (contender.step, contender.loss))
            stages = ours.stages(raw) if name == OURS else {}
            if turn:
                times[name].append(step)
                times[f"warp and loss of {name}"].append(loss)
                for stage, value in stages.items():
                    times[f"{stage}, of the step"].append(value)
    return _result(times, size, batch_size, ours.flops_per_image(), device)


def _result(
    times: dict[str, list[float]], size: tuple[int, int], batch_size: int, flops: float, device: torch.device
) -> Result:
    rates = {name: [batch_size / one for one in times[name]] for name in (TWIN, OURS, ROUGH) if name in times}
    figures = [Figure.of(name, "images/s", values) for name, values in rates.items()]
    figures += [Figure.of(name, "s", values) for name, values in times.items() if name not in rates]
    product = matrix_rate(torch.float32, device)
    figures.append(Figure.of("matrix products, float32", "GFLOP/s", [product / 1e9]))
    figures.append(Figure.of("memory, copied", "GB/s", [memory_rate(device) / 1e9]))
    figures.append(Figure.of("arithmetic of the networks", "GFLOP/image", [flops / 1e9]))
    median = {figure.name: figure.median for figure in figures}
    ratios = [
        Ratio("the step over its twin, images/s", median[OURS] / median[TWIN], 1.8),
        Ratio("the step over the floor of its matrix products", median[OURS] * flops / product, 0.55),
        Ratio(
            "warp and loss of the twin over ours, time",
            median[f"warp and loss of {TWIN}"] / median[f"warp and loss of {OURS}"],
            6.0,
        ),
    ]
    if device.type == "cpu":
        peaks = {name: peak_memory(kind, size, batch_size) for kind, name in (("twin", TWIN), ("ours", OURS))}
        figures += [Figure.of(f"peak memory of {name}", "GB", [peak / 1e9]) for name, peak in peaks.items()]
        ratios.append(Ratio("peak memory of the step over the twin's", peaks[OURS] / peaks[TWIN], 0.5, at_most=True))
    conditions = (
        f"Video alone (M), ResNet-18, {size[1]}x{size[0]}, batch {batch_size}, {torch.get_num_threads()} threads"
    )
    return Result("Training step", f"{conditions}, torch {torch.__version__}", tuple(figures), tuple(ratios))


class OurStep:
    """The step as the trainer runs it."""

    def __init__(self, config: TrainConfig, device: torch.device, batch: Batch, seen: list[Tensor]) -> None:
        torch.manual_seed(0)
        self.config, self.device, self.batch, self.seen = config, device, batch, seen
        objective = build_objective(config)
        self.objective: SelfSupervisedObjective = objective.to(device, memory_format=torch.channels_last)  # pyright: ignore
        self.optimiser = build_optimiser(self.objective, config.optimiser)
        with torch.no_grad():
            self.given = self.objective.estimate(batch, seen)

    def contender(self) -> Contender:
        """Return the contender of this step."""
        leaves, from_leaves = _leaves(self.given)

        def loss() -> None:
            _clear(leaves)
            self.objective.losses_from(from_leaves.disparities, from_leaves.poses, self.batch)["loss"].backward()

        return Contender(self._step, loss)

    def _step(self) -> None:
        self.optimiser.zero_grad(set_to_none=True)
        self.objective(self.batch, self.seen)["loss"].backward()
        self.optimiser.step()

    def stages(self, raw: RawBatch) -> dict[str, float]:
        """Return the seconds of each stage of one step."""
        config, times = self.config, {}
        draws = draw(0, 0, config.trainer.batch_size, config.data)
        times["augmentation"] = seconds(lambda: to_batch(raw, draws, stereo=False), self.device)
        self.optimiser.zero_grad(set_to_none=True)
        found: list[Estimate] = []
        forward = seconds(lambda: found.append(self.objective.estimate(self.batch, self.seen)), self.device)
        times["networks, forward"] = forward
        estimate = found[0]
        leaves, given = _leaves(estimate)
        losses: list[Tensor] = []
        compare = self.objective.losses_from
        times["warp and loss, forward"] = seconds(
            lambda: losses.append(compare(given.disparities, given.poses, self.batch)["loss"]), self.device
        )
        times["warp and loss, backward"] = seconds(losses[0].backward, self.device)
        outputs, gradients = [*estimate.disparities, *estimate.poses], [leaf.grad for leaf in leaves]
        times["networks, backward"] = seconds(lambda: torch.autograd.backward(outputs, gradients), self.device)
        times["optimiser"] = seconds(self.optimiser.step, self.device)
        return times

    def flops_per_image(self) -> float:
        """Return the multiplications and additions of the networks per image, forward and backward."""
        with FlopCounterMode(display=False) as counter:
            estimate = self.objective.estimate(self.batch, self.seen)
            outputs = [*estimate.disparities, *estimate.poses]
            torch.autograd.backward(outputs, [torch.ones_like(output) for output in outputs])
        self.optimiser.zero_grad(set_to_none=True)
        return counter.get_total_flops() / self.config.trainer.batch_size


def twin_step(config: TrainConfig, device: torch.device, batch: Batch, given: Estimate) -> Contender:
    """Return the plain twin as a contender, with its own weights and Adam with default settings."""
    torch.manual_seed(0)
    twin = PlainTwin(config)
    twin.objective.to(device)
    optimiser = torch.optim.Adam(twin.objective.parameters(), config.optimiser.learning_rate)
    leaves, from_leaves = _leaves(given)

    def step() -> None:
        optimiser.zero_grad()
        twin.loss(batch).backward()
        optimiser.step()

    def loss() -> None:
        _clear(leaves)
        twin.loss_from(from_leaves.disparities, from_leaves.poses, batch).backward()

    return Contender(step, loss)


def random_frames(size: tuple[int, int], batch_size: int, device: torch.device) -> RawBatch:
    """Return smooth random frames that move by some pixels, with the camera of an average recording."""
    generator = np.random.default_rng(0)
    rough = generator.integers(0, 256, (batch_size, 3, size[0] // 8, size[1] // 8), dtype=np.uint8)
    image = torch.nn.functional.interpolate(torch.from_numpy(rough).float(), size, mode="bilinear").to(torch.uint8)
    views = torch.stack([image.roll(shift, 3) for shift in (0, -3, 3)], 1).permute(0, 1, 3, 4, 2).contiguous()
    focal, centre = torch.tensor([[0.58, 1.92]]).repeat(batch_size, 1), torch.full((batch_size, 2), 0.5)
    nothing = torch.zeros(batch_size, 2)
    pose, none = torch.zeros(batch_size, 4, 4), torch.zeros(batch_size, 0, 4, 4)
    present = torch.zeros(batch_size, 0, dtype=torch.bool)
    return RawBatch(views, focal, centre, nothing, nothing.clone(), pose, none, present).to(device)


def peak_memory(kind: str, size: tuple[int, int], batch_size: int) -> float:
    """Return the peak memory of two steps of a contender, bytes above the memory before; measured in a new process."""
    words = [sys.executable, "-m", "benchmarks.memory", kind, *map(str, size), str(batch_size)]
    found = json.loads(subprocess.run(words, check=True, capture_output=True, text=True, cwd=CLONE).stdout)
    return float(found["peak"] - found["before"])


def _leaves(estimate: Estimate) -> tuple[list[Tensor], Estimate]:
    """Return copies of disparities and poses that collect gradients, as a list and as an `Estimate`."""
    leaves = [value.detach().clone().requires_grad_() for value in (*estimate.disparities, *estimate.poses)]
    count = len(estimate.disparities)
    return leaves, Estimate(leaves[:count], leaves[count:], None)


def _clear(leaves: list[Tensor]) -> None:
    for leaf in leaves:
        leaf.grad = None
