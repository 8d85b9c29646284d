"""Data that two processes exchange in a training step, and the time of the exchange relative to the step.

The exchanges are those of `ranks.py` and `networks/shared_norm.py`: the gradients of all parameters, and sums of batch
statistics, forward and backward. Here they run one after the other, without any overlap with computation.
"""

import json
import os
import socket
from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import torch
import torch.distributed as dist
from rich.console import Console
from rich.progress import track
from torch import nn
from torch.multiprocessing.spawn import spawn

from benchmarks.figures import Figure, Result
from benchmarks.floor import seconds
from benchmarks.step import OurStep, random_frames
from egodepth.config import DataConfig, ModelConfig, TrainConfig, TrainerConfig
from egodepth.data.samples.augment import draw, to_batch
from egodepth.objective import build_objective

PROCESSES = 2
BUCKET_BYTES = 25 * 2**20
"""Default bucket size of DistributedDataParallel."""
_SUMS = 4
"""Number of sums of a batch normalisation: mean and variance, each forward and backward."""
_FLOAT_BYTES = 4
_PATIENCE = timedelta(minutes=10)
_CPU = torch.device("cpu")


class Load(NamedTuple):
    """Amount of data that a step exchanges."""

    parameters: int
    channels: tuple[int, ...]
    """Channels of every batch normalisation."""

    @classmethod
    def of(cls, network: nn.Module) -> "Load":
        """Return the load of networks in which every layer runs once per step."""
        trained = sum(value.numel() for value in network.parameters() if value.requires_grad)
        layers = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]
        return cls(trained, tuple(layer.num_features for layer in layers))


def measure_exchange(size: tuple[int, int], batch_size: int, repeats: int, encoder: str = "resnet18") -> Result:
    """Measure the exchanges of two processes on this machine, and a step of one while the other waits, in turns.

    Args:
        size: height and width of the network's input.
        batch_size: samples per step of one process.
        repeats: number of repeats, after one that is not counted.
        encoder: encoder of the depth and pose networks.
    """
    data, trainer = DataConfig(size=size), TrainerConfig(batch_size=batch_size)
    config = TrainConfig(data=data, model=ModelConfig(encoder=encoder), trainer=trainer)
    load = Load.of(build_objective(config))
    with TemporaryDirectory() as folder:
        spawn(_process, (folder, config, load, repeats), PROCESSES)
        times = json.loads((Path(folder) / "times.json").read_text(encoding="utf-8"))
    conditions = (
        f"{PROCESSES} processes of one thread, gloo over loopback; gradients of {load.parameters / 1e6:.2f} million "
        f"parameters in buckets of 25 MiB, sums of {len(load.channels)} batch normalisations; the step: video alone "
        f"(M), {encoder.replace('resnet', 'ResNet-')} and separate pose network, {size[1]}x{size[0]}, "
        f"batch {batch_size}, torch {torch.__version__}"
    )
    return Result("Exchange between processes", conditions, _figures(times, load))


def _figures(times: dict[str, list[float]], load: Load) -> tuple[Figure, ...]:
    megabytes, sums = load.parameters * _FLOAT_BYTES / 1e6, _SUMS * len(load.channels)
    gradients, statistics, steps = times["gradients"], times["statistics"], times["step"]
    shares = [100 * (g + s) / step for g, s, step in zip(gradients, statistics, steps, strict=True)]
    return (
        Figure.of("gradients", "MB", [megabytes]),
        Figure.of("exchange of the gradients", "s", gradients),
        Figure.of("rate of that exchange", "MB/s", [megabytes / one for one in gradients]),
        Figure.of(f"exchange of the statistics ({sums} sums)", "s", statistics),
        Figure.of("latency of one sum", "µs", [1e6 * one / sums for one in statistics]),
        Figure.of("a step of one process, alone", "s", steps),
        Figure.of("both exchanges, over the step", "%", shares),
    )


def _process(rank: int, folder: str, config: TrainConfig, load: Load, repeats: int) -> None:
    """Run one of the processes; the first one runs the steps, and writes all times (seconds) as JSON."""
    torch.set_num_threads(1)
    os.environ["GLOO_SOCKET_IFNAME"] = next(name for _, name in socket.if_nameindex() if name.startswith("lo"))
    place = (Path(folder) / "store").as_uri()
    dist.init_process_group("gloo", place, rank=rank, world_size=PROCESSES, timeout=_PATIENCE)
    buckets = torch.zeros(load.parameters).split(BUCKET_BYTES // _FLOAT_BYTES)
    sums = [torch.zeros(channels) for channels in load.channels for _ in range(_SUMS)]
    exchanges = {"gradients": lambda: _all_at_once(buckets), "statistics": lambda: _one_by_one(sums)}
    step = _step(config) if rank == 0 else None
    times: dict[str, list[float]] = defaultdict(list)
    turns = track(
        range(repeats + 1), "Measuring exchange", console=Console(stderr=True), transient=True, disable=rank > 0
    )
    for turn in turns:
        taken = {"step": seconds(step, _CPU)} if step else {}
        for name, exchange in exchanges.items():
            dist.barrier()
            taken[name] = seconds(exchange, _CPU)
        if turn:
            for name, value in taken.items():
                times[name].append(value)
    if rank == 0:
        (Path(folder) / "times.json").write_text(json.dumps(times), encoding="utf-8")
    dist.destroy_process_group()


def _step(config: TrainConfig) -> Callable[[], object]:
    """Return the step of the trainer: forward, backward and optimiser."""
    raw = random_frames(config.data.size, config.trainer.batch_size, _CPU)
    batch, seen = to_batch(raw, draw(0, 0, config.trainer.batch_size, config.data), stereo=False)
    return OurStep(config, _CPU, batch, seen).contender().step


def _all_at_once(buckets: tuple[torch.Tensor, ...]) -> None:
    """Exchange like gradients: all at the same time, and wait for the last one."""
    for work in [dist.all_reduce(bucket, async_op=True) for bucket in buckets]:
        assert work is not None
        work.wait()


def _one_by_one(sums: list[torch.Tensor]) -> None:
    """Exchange like batch statistics: each layer waits for its own sums."""
    for one in sums:
        dist.all_reduce(one)
