"""Checkpoints: format, configuration, step, model and optimiser, without pickle.

Everything depends on the step alone, so a run that resumes gives the same result as one that was never interrupted. A
checkpoint is written to a temporary folder, and then renamed. Checksums detect damage by a power cut or a bad disk. A
damaged checkpoint is renamed, and the previous one is used.
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
"""Prefix for the name of a damaged checkpoint, which is kept for inspection."""


_STEP = re.compile("step_[0-9]{8,}")


class DamagedError(InputError):
    """A checkpoint is damaged: it differs from what was written."""


@dataclass(frozen=True)
class Progress:
    """Progress of a run."""

    step: int
    """Number of steps done; the next step has this number."""
    best: float | None
    """Best validation score so far; None without one."""
    skipped: int | None = None
    """Latest step that was skipped, see `trainer`; None for none."""
    started_from: str = ""
    """Source of the first weights; empty if unknown."""


def save_checkpoint(
    folder: Path,
    module: nn.Module,
    optimiser: torch.optim.Optimizer,
    config: dict[str, Any],
    progress: Progress,
    keep: int,
    add_files: Callable[[Path], None] = lambda _: None,
) -> Path:
    """Write `folder/step_NNNNNNNN`, remove all but the newest `keep` checkpoints, and return the new folder.

    Args:
        folder: folder of the run's checkpoints.
        module: all networks that are trained.
        optimiser: optimiser of the module.
        config: configuration of the run, as values of JSON.
        progress: progress of the run.
        keep: number of checkpoints to keep.
        add_files: adds more files to the folder of the checkpoint before it is renamed.

    Raises:
        InputError: the checkpoint cannot be written (disk full, no permission); older ones do not change.
    """
    place = folder / f"step_{progress.step:08d}"
    temporary = folder / f".{place.name}.writing"
    tensors = {f"model.{name}": value.contiguous() for name, value in module.state_dict().items()}
    tensors |= {f"optimiser.{name}": value for name, value in _optimiser_tensors(module, optimiser).items()}
    header: dict[str, Any] = {"format": FORMAT, **dataclasses.asdict(progress), "config": config}
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        save_file(tensors, temporary / STATE)
        header["state_sha256"] = _digest(temporary / STATE)
        header["header_sha256"] = _header_digest(header)
        (temporary / HEADER).write_text(json.dumps(header, indent=2) + "\n")
        add_files(temporary)
        _flush(temporary)
        shutil.rmtree(place, ignore_errors=True)
        os.replace(temporary, place)
    except (OSError, SafetensorError) as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise InputError(
            f"{place}: cannot write the checkpoint ({error}); free disk space and run the same command again"
        ) from error
    for old in list_checkpoints(folder)[:-keep]:
        shutil.rmtree(old, ignore_errors=True)
    return place


def list_checkpoints(folder: Path) -> list[Path]:
    """Return the complete checkpoints of a run, oldest first."""
    return sorted(place for place in folder.glob("step_*") if _STEP.fullmatch(place.name) and place.is_dir())


def newest_undamaged(folder: Path, say: Callable[[str], None]) -> Path | None:
    """Return the newest checkpoint that is not damaged; None without one. Newer ones are renamed and reported."""
    for place in reversed(list_checkpoints(folder)):
        try:
            _check(place)
        except DamagedError as damage:
            aside = place.with_name(DAMAGED + place.name)
            shutil.rmtree(aside, ignore_errors=True)
            os.replace(place, aside)
            say(f"{damage}; it is renamed to {aside.name}, and the previous checkpoint is used")
        else:
            return place
    return None


def load_checkpoint(place: Path, module: nn.Module, optimiser: torch.optim.Optimizer) -> Progress:
    """Restore module and optimiser in place from an undamaged checkpoint (`newest_undamaged`), and return the progress.

    Raises:
        InputError: the checkpoint has another format, or belongs to another network.
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
        raise InputError(f"{file}: the optimiser state does not match the model ({error}); use a new --run") from error
    return Progress(header["step"], header["best"], header["skipped"], header.get("started_from", ""))


def read_header(place: Path) -> dict[str, Any]:
    """Return the header of a checkpoint.

    Raises:
        DamagedError: the header differs from what was written.
        InputError: the checkpoint has another format.
    """
    file = place / HEADER
    try:
        header = read_json(file, finite=False)
        found, digest = header["format"], header.get("header_sha256")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedError(f"{file}: not a readable checkpoint ({error})") from error
    if found != FORMAT:
        raise InputError(f"{place}: checkpoint format '{found}', this version reads '{FORMAT}'; use a new --run")
    if digest != _header_digest(header):
        raise DamagedError(f"{file}: is damaged, its checksum differs")
    return header


def _check(place: Path) -> None:
    """Compare the checksums of a checkpoint with its content; errors as in `read_header`."""
    expected, file = read_header(place)["state_sha256"], place / STATE
    try:
        found = _digest(file)
    except OSError as error:
        raise DamagedError(f"{file}: cannot be read ({error.strerror})") from error
    if found != expected:
        raise DamagedError(f"{file}: is damaged, its checksum differs")


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _header_digest(header: dict[str, Any]) -> str:
    rest = {name: value for name, value in header.items() if name != "header_sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def _optimiser_tensors(module: nn.Module, optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return Adam's moments and step counts, named after their parameter: `exp_avg.NAME` and so on."""
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
            # Fused kernels read the count on their device, the others on the CPU.
            moved = value.to(parameter.device) if optimiser.defaults.get("fused") else value
        else:
            # In the memory layout of the parameter, which fused kernels require.
            moved = torch.empty_like(parameter).copy_(value.view_as(parameter))
        optimiser.state[parameter][key] = moved


def _flush(folder: Path) -> None:
    """Flush all files to the disk. After a power cut, either the old or the new checkpoint is complete."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
