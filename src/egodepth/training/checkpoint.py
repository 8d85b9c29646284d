"""Checkpoints: format, configuration, step, model and optimiser; no pickle, written beside and then renamed.

The step is the only clock, so this is all a run needs to go on exactly as if it had never stopped.
"""

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor, nn

from egodepth.errors import InputError
from egodepth.weights import load_strictly, read_tensors

FORMAT = "egodepth-checkpoint-1"


@dataclass(frozen=True)
class Progress:
    """Where a run stands."""

    step: int
    """Steps done: the next one has this number."""
    best: float | None
    """Best validation figure so far."""


def save_checkpoint(
    folder: Path,
    module: nn.Module,
    optimiser: torch.optim.Optimizer,
    config: dict[str, Any],
    progress: Progress,
    keep: int,
) -> Path:
    """Write `folder/step_NNNNNNNN` and remove all but the newest `keep`.

    Raises:
        InputError: it cannot be written (disk full, no permission); older checkpoints stay as they are.
    """
    place = folder / f"step_{progress.step:08d}"
    beside = folder / f".{place.name}.writing"
    tensors = {f"model.{name}": value.contiguous() for name, value in module.state_dict().items()}
    tensors |= {f"optimiser.{name}": value for name, value in _optimiser_tensors(module, optimiser).items()}
    header = {"format": FORMAT, "step": progress.step, "best": progress.best, "config": config}
    try:
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(parents=True)
        save_file(tensors, beside / "state.safetensors")
        (beside / "checkpoint.json").write_text(json.dumps(header, indent=2) + "\n")
        _flush(beside)
        shutil.rmtree(place, ignore_errors=True)
        os.replace(beside, place)
    except (OSError, SafetensorError) as error:
        shutil.rmtree(beside, ignore_errors=True)
        raise InputError(
            f"{place}: cannot write the checkpoint ({error}); make room and start the same command again"
        ) from error
    for old in list_checkpoints(folder)[:-keep]:
        shutil.rmtree(old, ignore_errors=True)
    return place


def list_checkpoints(folder: Path) -> list[Path]:
    """Finished checkpoints of a run, oldest first."""
    return sorted(folder.glob("step_*"))


def load_checkpoint(place: Path, module: nn.Module, optimiser: torch.optim.Optimizer) -> Progress:
    """Restore module and optimiser in place.

    Raises:
        InputError: not a checkpoint of this format, or damaged; names the file.
    """
    header_file, state_file = place / "checkpoint.json", place / "state.safetensors"
    remedy = f"remove {place} to use the one before"
    try:
        header = json.loads(header_file.read_text())
        found = header["format"]
        progress = Progress(int(header["step"]), header["best"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{header_file}: not a readable checkpoint ({error}); {remedy}") from error
    if found != FORMAT:
        raise InputError(f"{place}: checkpoint format '{found}', this version reads '{FORMAT}'; start a new --run")
    tensors = read_tensors(state_file, remedy)
    groups: dict[str, dict[str, Tensor]] = {"model": {}, "optimiser": {}}
    for name, value in tensors.items():
        kind, _, rest = name.partition(".")
        groups.setdefault(kind, {})[rest] = value
    load_strictly(module, groups["model"], state_file)
    try:
        _restore_optimiser(module, optimiser, groups["optimiser"])
    except (KeyError, RuntimeError) as error:
        raise InputError(f"{state_file}: its optimiser state does not fit the model ({error}); {remedy}") from error
    return progress


def _optimiser_tensors(module: nn.Module, optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Adam's moments and step counts, named by their parameter: `exp_avg.NAME` and so on."""
    names: dict[Tensor, str] = {parameter: name for name, parameter in module.named_parameters()}
    return {
        f"{key}.{names[parameter]}": value.contiguous()
        for parameter, state in optimiser.state.items()
        for key, value in state.items()
    }


def _restore_optimiser(module: nn.Module, optimiser: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    parameters = dict(module.named_parameters())
    for name, value in tensors.items():
        key, _, parameter_name = name.partition(".")
        parameter = parameters[parameter_name]
        if key == "step":
            # Fused kernels read the count where they run, the others on the CPU.
            moved = value.to(parameter.device) if optimiser.defaults.get("fused") else value
        else:
            # In the parameter's memory layout, which fused kernels rely on.
            moved = torch.empty_like(parameter).copy_(value.view_as(parameter))
        optimiser.state[parameter][key] = moved


def _flush(folder: Path) -> None:
    """To the disk before the rename, so that a power cut leaves the old checkpoint or the new one, whole."""
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
