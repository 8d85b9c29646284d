"""Measure the peak memory of a training step in a separate process: `python -m benchmarks.memory`."""

import json
import sys

import torch

from benchmarks.floor import peak_resident, resident
from benchmarks.step import OurStep, random_frames, twin_step
from egodepth.config import DataConfig, TrainConfig, TrainerConfig
from egodepth.data.samples.augment import draw, to_batch
from egodepth.training.memory import keep_freed_memory


def main(kind: str, height: int, width: int, batch_size: int) -> None:
    """Run two steps of the `twin` or of `ours`, and print the memory before and the peak memory, bytes."""
    keep_freed_memory()
    device, size = torch.device("cpu"), (height, width)
    config = TrainConfig(data=DataConfig(size=size), trainer=TrainerConfig(batch_size=batch_size))
    batch, seen = to_batch(random_frames(size, batch_size, device), draw(0, 0, batch_size, config.data), stereo=False)
    ours = OurStep(config, device, batch, seen)
    contender = ours.contender() if kind == "ours" else twin_step(config, device, batch, ours.given)
    before = resident()
    for _ in range(2):
        contender.step()
    print(json.dumps({"before": before, "peak": peak_resident()}))


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
