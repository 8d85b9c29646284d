"""The verb `train`: train a model in a run folder, or resume from the newest checkpoint in it."""

import dataclasses
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from rich.console import Console

from egodepth.config import TrainConfig
from egodepth.config.strict_json import to_json
from egodepth.data.samples.training_set import TrainingSet
from egodepth.data.shapes import network_size, squeezed
from egodepth.foundation.errors import InputError, Stopped
from egodepth.foundation.files import write_text
from egodepth.foundation.ranks import Ranks, joined
from egodepth.foundation.remote import local_run
from egodepth.training.build import (
    Run,
    batches_of,
    build_run,
    build_trainer,
    first_objective,
    frame_store,
    train_batches,
)
from egodepth.training.compiling import compiler_errors_as_one_line
from egodepth.training.devices import pick_device
from egodepth.training.fitting import fitting_batch, is_out_of_memory
from egodepth.training.log import RankLog, RunLog
from egodepth.training.memory import keep_freed_memory
from egodepth.training.preparing import Prepared, prepare
from egodepth.training.run_folder import CONFIG, kept_config
from egodepth.training.stopping import StopRequest


@dataclass(frozen=True)
class Summary:
    """Result of a training."""

    run: Path
    steps: int
    seconds: float
    best: float | None
    """abs_rel of the best model; None without true depth for the validation."""


def train(config: TrainConfig, run: Path, console: Console | None = None, auto_batch: bool = False) -> Summary:
    """Train in a run folder, or resume the run in it; a resumed run gives the same result to the bit.

    Args:
        config: everything that determines the result.
        run: the run folder, or its URL.
        console: prints messages; standard error by default.
        auto_batch: use the largest batch, up to the configured one, that fits into the memory; a run that resumes keeps
            its batch size.

    Raises:
        InputError: unusable data, a run folder of another configuration, losses that are not finite, a full disk, or a
            batch that does not fit into the memory (the message suggests a size).
        Stopped: a signal stopped the run; its checkpoint is of the last step.
    """
    keep_freed_memory()
    console = console or Console(stderr=True)
    with (
        joined(pick_device(config.trainer.device)) as (ranks, device),
        local_run(run, console, sending=ranks.leads) as local,
    ):
        ranks.any(False, device)  # wait until every process has fetched its files
        prepared = prepare(config, local.folder, ranks, device, console, batch_is_known=not auto_batch)
        if auto_batch:
            prepared = _with_fitting_batch(prepared, local.folder, ranks, device, console)
        began, notes = time.monotonic(), []
        say = partial(console.print, highlight=False, markup=False, soft_wrap=True)
        made = build_run(prepared, local, ranks, device, console, say, notes.append)
        _write_config(made, notes, say)
        steps, start = made.config.trainer.steps, made.progress.step
        log = RunLog(made.folder, start, steps, console) if ranks.leads else RankLog(ranks.rank, console)
        with log, compiler_errors_as_one_line(), StopRequest() as stop:
            for line in _remarks(made):
                log.say(line)
            trainer, validation = build_trainer(made, log, lambda: ranks.any(bool(stop), device))
            try:
                done = trainer.fit(batches_of(made, log), start, steps)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                done = None  # the memory of the step is released after this block
            if done is None:
                raise _too_large(
                    made.config,
                    ranks,
                    _fitting_batch(prepared._replace(config=made.config), device) if ranks.count == 1 else 0,
                )
        if done < steps:
            number = stop.signal or signal.SIGTERM  # another process got the signal
            raise Stopped(f"stopped by {number.name} after step {done} of {steps}; the same command resumes it", number)
        return Summary(made.folder, steps, time.monotonic() - began, validation.best)


def _write_config(run: Run, notes: list[str], say: Callable[[str], None]) -> None:
    """Write the configuration to the run folder, send it to the run's URL, then print the notes.

    This shows that checkpoints can be written and sent before the first step.
    """
    run.ranks.first(lambda: write_text(run.folder / CONFIG, to_json(run.config) + "\n"))
    run.ranks.first(run.place.saved)
    for line in notes:
        say(line)


def _remarks(run: Run) -> list[str]:
    """Return the remarks on data and compiler for the user; empty in all processes but the first."""
    if not run.ranks.leads:
        return []
    squeezed_frames = _squeezed(run.training, run.config.data.size)
    lines = [*_left_out(run.training, run.config.data.test_set), squeezed_frames, run.compiling]
    return [line for line in lines if line]


def _too_large(config: TrainConfig, ranks: Ranks, fits: int) -> InputError:
    """Return the error for a batch that is too large; it suggests the size that `fits` (0: none) for one process."""
    size = config.trainer.batch_size
    said = f"a batch of {size} at {config.data.size[0]}x{config.data.size[1]} does not fit into the memory"
    if ranks.count > 1:
        said += f" of {ranks.count} processes; choose a smaller --trainer.batch-size, or more processes"
    elif not fits:
        said += ", and a single image does not either; choose a smaller --data.size"
    elif fits == size:
        said += ", because other programs use a part of it; stop them, and run the same command again"
    else:
        said += f"; use --trainer.batch-size {fits} with a new --run, or --auto-batch, which finds the size"
    return InputError(said)


def _fitting_batch(prepared: Prepared, device: torch.device) -> int:
    """Return the largest batch size that fits, up to the configured one; 0 if none fits."""
    config, training, known = prepared
    dataset = train_batches(config, training, known, frame_store(config, training), Ranks())
    return fitting_batch(lambda: first_objective(config, None, device), dataset, config, device)


def _with_fitting_batch(
    prepared: Prepared, run: Path, ranks: Ranks, device: torch.device, console: Console
) -> Prepared:
    """Return `prepared` with the batch size of the existing run, or else with the largest one that fits."""
    if ranks.count > 1:
        raise InputError("--auto-batch works with one process only; give --trainer.batch-size to several processes")
    config, kept = prepared.config, kept_config(run)
    if kept is not None:
        size = kept.trainer.batch_size
    else:
        size = _fitting_batch(prepared, device)
        if not size:
            raise _too_large(config, ranks, size)
        console.print(f"a batch of {size} fits into the memory", highlight=False)
    return prepared._replace(
        config=dataclasses.replace(config, trainer=dataclasses.replace(config.trainer, batch_size=size))
    )


def _left_out(training: TrainingSet, test_set: str) -> list[str]:
    """Return lines about drives and frames that are left out, and why."""
    lines = []
    if training.left_out:
        lines.append(f"left out, because they are in the {test_set} test set: {', '.join(training.left_out)}")
    if training.still:
        frames = ", ".join(f"{name} ({count})" for name, count in training.still.items())
        lines.append(f"left out, because the camera stands still: {sum(training.still.values())} frames of {frames}")
    return lines


def _squeezed(training: TrainingSet, size: tuple[int, int]) -> str | None:
    """Return a remark if the network's size changes the aspect ratio of frames much; None otherwise."""
    drive = next((drive for drive in training.drives if squeezed(drive.size, size[0] / size[1])), None)
    if drive is None:
        return None
    fitting = network_size(drive.size, size[0] * size[1])
    if fitting == size:
        return None
    return (
        f"{drive.name}: resizing from {drive.size[1]}x{drive.size[0]} to {size[1]}x{size[0]} changes the aspect ratio; "
        f"--data.size {fitting[0]} {fitting[1]} (height, width) with a new --run keeps it"
    )
