"""Trainings that take seconds, and what tests ask of their run folders."""

import dataclasses
import json
import signal
import time
from io import StringIO
from pathlib import Path

import torch
from rich.console import Console
from safetensors.torch import load_file

from egodepth.config import DataConfig, LossConfig, ModelConfig, OptimiserConfig, TrainConfig, TrainerConfig
from egodepth.training.train import Summary, train
from forked import fork

SIZE = (64, 64)


def a_config(clip: Path, init_from: str = "", **changes: object) -> TrainConfig:
    """A tiny training; changes go to whichever part has the field."""
    parts = {
        "data": DataConfig(path=(str(clip),), size=SIZE),
        "model": ModelConfig(encoder="test_resnet", pose="posecnn"),
        "loss": LossConfig(),
        "optimiser": OptimiserConfig(learning_rate=1e-3),
        "trainer": TrainerConfig(
            steps=4, batch_size=1, device="cpu", log_every=1, validate_every=100, panels_every=100, checkpoint_every=2
        ),
    }
    for part, value in parts.items():
        own = {name: changes.pop(name) for name in list(changes) if name in value.__dataclass_fields__}
        parts[part] = dataclasses.replace(value, **own)
    assert not changes
    return TrainConfig(**parts, init_from=init_from)


def quietly(config: TrainConfig, run: Path) -> tuple[Summary, str]:
    out = StringIO()
    return train(config, run, Console(file=out, width=400)), out.getvalue()


def final_tensors(run: Path) -> dict[str, torch.Tensor]:
    return load_file(sorted((run / "checkpoints").iterdir())[-1] / "state.safetensors")


def assert_same_weights(left: Path, right: Path) -> None:
    found, expected = final_tensors(left), final_tensors(right)
    assert found.keys() == expected.keys()
    assert [name for name in found if not torch.equal(found[name], expected[name])] == []


def logged(run: Path, name: str) -> dict[int, float]:
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return {line["step"]: line[name] for line in lines if name in line}


def command(clip: Path, run: Path, workers: int = 0, steps: int = 12, **more: object) -> list[str]:
    """Words of the command line that train; `more` are further options of the trainer."""
    options: dict[str, object] = {
        "data": clip,
        "run": run,
        "data.size": "64 64",
        "model.encoder": "test_resnet",
        "model.pose": "posecnn",
        "trainer.steps": steps,
        "trainer.batch-size": 1,
        "trainer.workers": workers,
        "trainer.checkpoint-every": 3,
        "trainer.log-every": 1,
        "trainer.device": "cpu",
        "trainer.precision": "float32",
    } | {f"trainer.{name.replace('_', '-')}": value for name, value in more.items()}
    words = [word for name, value in options.items() for word in (f"--{name}", *str(value).split())]
    return ["train", "street-clip-photometric", "--model.no-pretrained", *words]


def start_and_kill(words: list[str], log: Path, after: int, number: signal.Signals = signal.SIGKILL) -> int:
    """Exit status of the command, killed when it has logged `after` steps."""
    process = fork(*words)
    while process.poll() is None:
        if log.exists() and log.read_text().count("\n") >= after:
            process.send_signal_to_all(number)  # the loader's workers, too
            break
        time.sleep(0.01)
    return process.wait()
