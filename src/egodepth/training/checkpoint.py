"""Checkpoints: format, configuration, step, model and optimiser; no pickle, written beside and then renamed.

The step is the only clock, so this is all a run needs to go on exactly as if it had never stopped. Everything in a
checkpoint is under a checksum: what a power cut or a bad disk has changed is found out, set aside, and the one before
is used.
"""

import dataclasses
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor, nn

from egodepth.foundation.errors import InputError
from egodepth.foundation.reading import read_json
from egodepth.weights import load_strictly, read_tensors

FORMAT = "egodepth-checkpoint-2"
STATE, HEADER = "state.safetensors", "checkpoint.json"
DAMAGED = "damaged_"
"""Put before the name of a checkpoint that cannot be used; it is kept for whoever wants to look at it."""


_STEP = re.compile("step_[0-9]{8,}")


class DamagedError(InputError):
    """A checkpoint that is not as it was written."""


@dataclass(frozen=True)
class Progress:
    """Where a run stands."""

    step: int
    """Steps done: the next one has this number."""
    best: float | None
    """Best validation figure so far."""
    skipped: int | None = None
    """The latest step that was left out, see `trainer`."""
    started_from: str = ""
    """Where the first weights came from; empty where that is not known."""


def save_checkpoint(
    folder: Path,
    module: nn.Module,
    optimiser: torch.optim.Optimizer,
    config: dict[str, Any],
    progress: Progress,
    keep: int,
    beside_it: Callable[[Path], None] = lambda _: None,
) -> Path:
    """Write `folder/step_NNNNNNNN` and remove all but the newest `keep`.

    Args:
        folder: of the run's checkpoints.
        module: all that is trained.
        optimiser: its own.
        config: of the run, as JSON has it.
        progress: where the run stands.
        keep: how many checkpoints.
        beside_it: puts more files into the folder of the checkpoint before it gets its name.

    Raises:
        InputError: it cannot be written (disk full, no permission); older checkpoints stay as they are.
    """
    place = folder / f"step_{progress.step:08d}"
    beside = folder / f".{place.name}.writing"
    tensors = {f"model.{name}": value.contiguous() for name, value in module.state_dict().items()}
    tensors |= {f"optimiser.{name}": value for name, value in _optimiser_tensors(module, optimiser).items()}
    header: dict[str, Any] = {"format": FORMAT, **dataclasses.asdict(progress), "config": config}
    try:
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(parents=True)
        save_file(tensors, beside / STATE)
        header["state_sha256"] = _digest(beside / STATE)
        header["header_sha256"] = _header_digest(header)
        (beside / HEADER).write_text(json.dumps(header, indent=2) + "\n")
        beside_it(beside)
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
    return sorted(place for place in folder.glob("step_*") if _STEP.fullmatch(place.name) and place.is_dir())


def newest_whole(folder: Path, say: Callable[[str], None]) -> Path | None:
    """The newest checkpoint that is as it was written; newer ones that are not are renamed and named."""
    for place in reversed(list_checkpoints(folder)):
        try:
            _check(place)
        except DamagedError as damage:
            aside = place.with_name(DAMAGED + place.name)
            shutil.rmtree(aside, ignore_errors=True)
            os.replace(place, aside)
            say(f"{damage}; it is called {aside.name} now, and the one before it is used")
        else:
            return place
    return None


def load_checkpoint(place: Path, module: nn.Module, optimiser: torch.optim.Optimizer) -> Progress:
    """Restore module and optimiser in place, from a checkpoint that is whole (`newest_whole`).

    Raises:
        InputError: of another format, or of another network.
    """
    header, file = read_header(place), place / STATE
    groups: dict[str, dict[str, Tensor]] = {"model": {}, "optimiser": {}}
    for name, value in read_tensors(file).items():
        kind, _, rest = name.partition(".")
        groups.setdefault(kind, {})[rest] = value
    load_strictly(module, groups["model"], file)
    try:
        _restore_optimiser(module, optimiser, groups["optimiser"])
    except (KeyError, RuntimeError) as error:
        raise InputError(f"{file}: its optimiser state does not fit the model ({error}); start a new --run") from error
    return Progress(header["step"], header["best"], header["skipped"], header.get("started_from", ""))


def read_header(place: Path) -> dict[str, Any]:
    """What a checkpoint says of itself.

    Raises:
        DamagedError: it is not as it was written.
        InputError: of another format.
    """
    file = place / HEADER
    try:
        header = read_json(file, finite=False)
        found, digest = header["format"], header.get("header_sha256")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedError(f"{file}: not a readable checkpoint ({error})") from error
    if found != FORMAT:
        raise InputError(f"{place}: checkpoint format '{found}', this version reads '{FORMAT}'; start a new --run")
    if digest != _header_digest(header):
        raise DamagedError(f"{file}: not as it was written, its checksum differs")
    return header


def _check(place: Path) -> None:
    """See that nothing of a checkpoint has changed since; raises as `read_header`."""
    expected, file = read_header(place)["state_sha256"], place / STATE
    try:
        found = _digest(file)
    except OSError as error:
        raise DamagedError(f"{file}: cannot be read ({error.strerror})") from error
    if found != expected:
        raise DamagedError(f"{file}: not as it was written, its checksum differs")


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _header_digest(header: dict[str, Any]) -> str:
    rest = {name: value for name, value in header.items() if name != "header_sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


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
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
