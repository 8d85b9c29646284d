"""A tiny training in float64, whose rounding does not grow into another training; `test_ranks` starts it.

(In float32 the losses of different numbers of processes are equal for some steps, and then a rounding of 1e-7 has
become another training, as it does between two machines: Adam divides tiny gradients by their own size.)
"""

import os
import signal
import sys
from pathlib import Path

import torch

from egodepth.data.samples.sampler import TrainBatches
from egodepth.training import build as build_module
from egodepth.training import inputs as inputs_module
from egodepth.training.train import train
from tiny_training import a_config


def in_float64() -> None:
    """Networks and images in float64, in this process."""
    build, to_batch = build_module.first_objective, inputs_module.to_batch

    def doubled(value):
        if isinstance(value, torch.Tensor):
            return value.double() if value.is_floating_point() else value
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return type(value)(*map(doubled, value))
        return type(value)(map(doubled, value)) if isinstance(value, list | tuple) else value

    build_module.first_objective = lambda *given, **named: build(*given, **named).double()
    inputs_module.to_batch = lambda *given: doubled(to_batch(*given))


def killed_once_at(step_of_death: int, note: Path) -> None:
    """Kill the process of rank 1 when it loads this step, unless the note says that this has been."""
    load = TrainBatches.__getitem__

    def or_die(self: TrainBatches, step: int):
        if step == step_of_death and os.environ.get("RANK") == "1" and not note.exists():
            note.write_text("")
            os.kill(os.getpid(), signal.SIGKILL)
        return load(self, step)

    TrainBatches.__getitem__ = or_die


def main(words: list[str]) -> None:
    """Train: clip, run, and perhaps the step before which a process dies, and its note."""
    clip, run, *death = words
    torch.set_num_threads(1)
    in_float64()
    if death:
        killed_once_at(int(death[0]), Path(death[1]))
    config = a_config(Path(clip), steps=8, batch_size=4, checkpoint_every=4, learning_rate=1e-4)
    train(config, Path(run))


if __name__ == "__main__":
    main(sys.argv[1:])
