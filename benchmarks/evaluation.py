"""Evaluation without the network, on random depth maps of KITTI's size and density."""

from collections.abc import Iterator

import torch
from rich.console import Console
from rich.progress import track

from benchmarks.figures import Figure, Ratio, Result
from benchmarks.floor import seconds
from egodepth.data.batch import DepthSample
from egodepth.evaluation.benchmarks import PROTOCOLS
from egodepth.evaluation.evaluator import evaluate_predictions

_SIZE = (375, 1242)
_LIDAR_SHARE = 0.045
"""Share of the pixels of a KITTI image that have LiDAR depth."""
_DIFFERENT_IMAGES = 8
_CPU = torch.device("cpu")


def measure_evaluation(images: int, repeats: int) -> Result:
    """Measure the `eigen` protocol: resizing of predictions, valid pixels, every alignment and all metrics.

    Args:
        images: number of images in each repeat.
        repeats: number of repeats.
    """
    samples, predictions = _made_up(min(images, _DIFFERENT_IMAGES))

    def stream() -> Iterator[DepthSample]:
        return (samples[i % len(samples)]._replace(name=str(i)) for i in range(images))

    def evaluate() -> None:
        predict = lambda sample: predictions[int(sample.name) % len(samples)]  # noqa: E731
        evaluate_predictions(predict, stream(), PROTOCOLS["eigen"]).to_json()

    shown = track(range(repeats), "Measuring evaluation", console=Console(stderr=True), transient=True)
    rate = Figure.of("protocol's work", "images/s", [images / seconds(evaluate, _CPU) for _ in shown])
    conditions = f"{images} images of {_SIZE[1]}x{_SIZE[0]} a repeat, {torch.get_num_threads()} threads"
    return Result("Evaluation", conditions, (rate,), (Ratio("images a second", rate.median, 60.0),))


def _made_up(count: int) -> tuple[list[DepthSample], list[torch.Tensor]]:
    generator = torch.Generator().manual_seed(0)
    samples, predictions = [], []
    for position in range(count):
        known = torch.rand(_SIZE, generator=generator) < _LIDAR_SHARE
        depth = torch.where(known, 2 + 78 * torch.rand(_SIZE, generator=generator), 0)
        samples.append(DepthSample(str(position), torch.zeros(3, 1, 1), depth, {}))
        predictions.append(0.01 + torch.rand(192, 640, generator=generator))
    return samples, predictions
