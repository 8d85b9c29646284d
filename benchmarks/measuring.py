"""All measurements in one table."""

from collections.abc import Callable
from typing import NamedTuple

from benchmarks.evaluation import measure_evaluation
from benchmarks.exchange import measure_exchange
from benchmarks.figures import Result
from benchmarks.hints import measure_hints
from benchmarks.inference import measure_inference
from benchmarks.loader import measure_loader
from benchmarks.step import measure_step
from benchmarks.video import measure_video
from egodepth.training.devices import pick_device


class Wanted(NamedTuple):
    """Settings of a measurement; each measurement uses a part of them."""

    size: tuple[int, int]
    """Height and width of the network's input."""
    batch_size: int = 4
    """Samples per step."""
    repeats: int = 5
    """Number of repeats; medians are reported."""
    images: int = 100
    """Images per repeat, for evaluation."""
    model: str = ""
    """A run or model folder, for inference; empty: a ResNet-18 with random weights."""
    device: str = ""
    """Device; empty: the GPU if there is one."""


MEASUREMENTS: dict[str, Callable[[Wanted], Result]] = {
    "step": lambda w: measure_step(w.size, w.batch_size, w.repeats, pick_device(w.device)),
    "loader": lambda w: measure_loader(w.size, w.repeats, str(pick_device(w.device))),
    "inference": lambda w: measure_inference(w.model or None, w.size, w.repeats),
    "video": lambda w: measure_video(repeats=w.repeats, network_size=w.size, device=w.device or None),
    "evaluation": lambda w: measure_evaluation(w.images, w.repeats),
    "exchange": lambda w: measure_exchange(w.size, w.batch_size, w.repeats),
    "hints": lambda w: measure_hints(w.size, w.repeats),
}
"""Measurements by name; `all` runs them in this order."""
