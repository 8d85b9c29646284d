"""`egodepth benchmark WHAT`: measured throughput."""

import json
import statistics
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import torch
from rich.console import Console
from rich.progress import track
from tyro.conf import Positional

from egodepth.data.types import DepthSample
from egodepth.errors import InputError
from egodepth.evaluation.evaluator import evaluate_predictions
from egodepth.evaluation.protocols import PROTOCOLS
from egodepth.files import write_text

_SIZE = (375, 1242)
_LIDAR_SHARE = 0.045
"""Of the pixels of a KITTI image, those that its LiDAR map knows."""
_DIFFERENT_IMAGES = 8


@dataclass(frozen=True)
class Throughput:
    """Images a second, several times over."""

    what: str
    images: int
    """A repeat."""
    threads: int
    images_per_s: list[float]
    median: float
    slowest: float
    fastest: float


@dataclass(frozen=True)
class Benchmark:
    """Measure how fast this machine evaluates: everything but the network, on random maps of KITTI's size and density.

    That is resizing the prediction, the valid pixels, every alignment and all metrics of the `eigen` protocol.
    """

    what: Positional[Literal["evaluation"]]
    """What to measure."""
    images: int = 100
    """Images a repeat."""
    repeats: int = 5
    """How often; the median is reported."""
    json: Path | None = None
    """Write the figures to this file, too."""

    def __call__(self) -> None:
        """Measure and print."""
        if min(self.images, self.repeats) < 1:
            raise InputError("benchmark: --images and --repeats are at least 1")
        shown = track(range(self.repeats), "Measuring", console=Console(stderr=True), transient=True)
        rates = [self.images / _seconds(self.images) for _ in shown]
        result = Throughput(
            self.what, self.images, torch.get_num_threads(), rates, statistics.median(rates), min(rates), max(rates)
        )
        Console().print(
            f"{self.what}: {result.median:.0f} images/s (median of {self.repeats}, {result.slowest:.0f} to "
            f"{result.fastest:.0f}), {result.threads} threads, network not included",
            highlight=False,
        )
        if self.json:
            write_text(self.json, json.dumps(asdict(result), indent=2) + "\n")


def _seconds(images: int) -> float:
    """How long the protocol's work on so many images takes; making them is not counted."""
    generator = torch.Generator().manual_seed(0)
    samples, predictions = [], []
    for position in range(min(images, _DIFFERENT_IMAGES)):
        known = torch.rand(_SIZE, generator=generator) < _LIDAR_SHARE
        depth = torch.where(known, 2 + 78 * torch.rand(_SIZE, generator=generator), 0)
        samples.append(DepthSample(str(position), torch.zeros(3, 1, 1), depth, {}))
        predictions.append(0.01 + torch.rand(192, 640, generator=generator))

    def stream() -> Iterator[DepthSample]:
        return (samples[i % len(samples)]._replace(name=str(i)) for i in range(images))

    began = time.perf_counter()
    report = evaluate_predictions(lambda s: predictions[int(s.name) % len(samples)], stream(), PROTOCOLS["eigen"])
    report.to_json()
    return time.perf_counter() - began
