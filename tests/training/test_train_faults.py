"""What docs/reliability.md promises of a training that something happens to."""

import errno
import json
import os
import shutil
import signal
import time
from io import StringIO
from pathlib import Path

import pytest
import torch
from rich.console import Console

from egodepth.cli import main
from egodepth.data import retry
from egodepth.data.readers.folder import FolderDrive
from egodepth.foundation.errors import InputError
from egodepth.objective import SelfSupervisedObjective
from egodepth.training.train import train
from forked import fork
from tiny_training import (
    SIZE,
    a_config,
    assert_same_weights,
    command,
    logged,
    quietly,
    start_and_kill,
)


@pytest.mark.parametrize(("number", "status"), [("SIGTERM", 0), ("SIGUSR1", 0), ("SIGINT", 130)])
def test_asked_to_stop_a_run_saves_its_step_and_the_same_command_goes_on(unbroken, tmp_path: Path, number, status):
    clip, whole = unbroken
    run = tmp_path / "run"
    words = command(clip, run)
    assert start_and_kill(words, run / "log.jsonl", 5, number=signal.Signals[number]) == status
    newest = max(path.name for path in (run / "checkpoints").glob("step_*"))
    done = 1 + max(logged(run, "loss"))
    assert newest == f"step_{done:08d}"
    assert 5 <= done < 12
    main(words)
    assert_same_weights(run, whole)
    assert logged(run, "loss") == logged(whole, "loss")


def test_what_it_was_stopped_by_is_said_in_one_line(unbroken, tmp_path: Path):
    clip, _ = unbroken
    run = tmp_path / "run"
    process = fork(*command(clip, run, steps=100_000))
    while not ((run / "log.jsonl").exists() and logged(run, "loss")):
        assert process.poll() is None, process.said
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 0
    last = process.said.splitlines()[-1]
    assert last.startswith("stopped by SIGTERM after step ")
    assert last.endswith(" of 100000; the same command resumes it")
    assert "Traceback" not in process.said


@pytest.fixture(scope="module")
def finished(make_clip, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A clip, and a run on it with two checkpoints and validation, which came to its end."""
    folder = tmp_path_factory.mktemp("finished")
    clip = make_clip(folder / "clip", size=SIZE)
    quietly(a_config(clip, validate_every=2), folder / "run")
    return clip, folder / "run"


def cut(place: Path) -> None:
    os.truncate(place / "state.safetensors", 1000)


def flip(place: Path) -> None:
    with (place / "state.safetensors").open("r+b") as file:
        file.seek(-5, os.SEEK_END)
        byte = file.read(1)[0]
        file.seek(-5, os.SEEK_END)
        file.write(bytes([byte ^ 4]))


@pytest.mark.parametrize("damage", [cut, flip, lambda place: (place / "checkpoint.json").unlink()])
@pytest.mark.parametrize("all_of_them", [False, True])
def test_a_damaged_checkpoint_costs_time_and_nothing_else(tmp_path: Path, finished, damage, all_of_them):
    clip, whole = finished
    shutil.copytree(whole, tmp_path / "broken")
    places = sorted((tmp_path / "broken" / "checkpoints").iterdir())
    assert len(places) == 2
    for place in places if all_of_them else places[-1:]:
        damage(place)
    _, said = quietly(a_config(clip, validate_every=2), tmp_path / "broken")
    assert f"{places[-1]}" in said
    assert "it is renamed to damaged_step_00000004, and the previous checkpoint is used" in said
    assert ("the run starts again from step 0" if all_of_them else "resuming from step_00000002") in said
    assert_same_weights(tmp_path / "broken", whole)


def test_begun_anew_a_run_has_the_weights_that_it_started_from_again(tmp_path: Path, make_clip):
    clip = make_clip(tmp_path / "clip", size=SIZE)
    quietly(a_config(clip), tmp_path / "first")
    config = a_config(clip, init_from=str(tmp_path / "first"), steps=2)
    for name in ("whole", "broken"):
        quietly(config, tmp_path / name)
    cut(tmp_path / "broken" / "checkpoints" / "step_00000002")
    quietly(config, tmp_path / "broken")
    assert_same_weights(tmp_path / "broken", tmp_path / "whole")


@pytest.mark.parametrize("lost", ["config.json", "log.jsonl", "model", "model_last", "panels", "model/config.json"])
def test_files_that_a_run_lost_come_back_or_are_not_missed(tmp_path: Path, finished, lost):
    clip, whole = finished
    shutil.copytree(whole, tmp_path / "broken")
    shutil.rmtree(tmp_path / "broken" / "checkpoints" / "step_00000004")
    place = tmp_path / "broken" / lost
    shutil.rmtree(place) if place.is_dir() else place.unlink(missing_ok=True)
    quietly(a_config(clip, validate_every=2), tmp_path / "broken")
    assert_same_weights(tmp_path / "broken", whole)
    for name in ("model", "model_last", "config.json"):
        for file in (whole / name).glob("*"):
            assert (tmp_path / "broken" / name / file.name).read_bytes() == file.read_bytes()


def test_without_its_configuration_a_run_still_knows_whose_it_is(tmp_path: Path, make_clip):
    clip = make_clip(tmp_path / "clip", size=SIZE)
    quietly(a_config(clip), tmp_path / "run")
    for damage in (lambda file: file.write_text('{"data": '), Path.unlink):
        damage(tmp_path / "run" / "config.json")
        with pytest.raises(InputError, match=r"was started with data.flip = 0.5, not 0.0"):
            quietly(a_config(clip, flip=0.0), tmp_path / "run")
        quietly(a_config(clip), tmp_path / "run")
        assert json.loads((tmp_path / "run" / "config.json").read_text())["data"]["flip"] == 0.5


def test_reading_errors_that_pass_change_nothing_and_are_said(tmp_path: Path, make_clip, monkeypatch):
    clip = make_clip(tmp_path / "clip", size=SIZE)
    quietly(a_config(clip), tmp_path / "whole")
    read, failures = FolderDrive.read_image, iter([True, True, False, True])

    def flaky(self: FolderDrive, frame: int, partner: bool = False):
        if next(failures, False):
            raise OSError(errno.EIO, "Input/output error", "frame")
        return read(self, frame, partner)

    monkeypatch.setattr(FolderDrive, "read_image", flaky)
    monkeypatch.setattr(retry, "PAUSES", (0.0, 0.0))
    _, said = quietly(a_config(clip), tmp_path / "run")
    assert said.count("some images could not be read at first") == 1
    assert "skipped" not in said
    assert_same_weights(tmp_path / "run", tmp_path / "whole")


class Hungry:
    """An objective that fits into the memory up to so many samples."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
        forward = SelfSupervisedObjective.forward

        def fed(self: SelfSupervisedObjective, batch, *rest):
            if len(batch.target.image) > room:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")
            return forward(self, batch, *rest)

        monkeypatch.setattr(SelfSupervisedObjective, "forward", fed)


def test_a_batch_that_does_not_fit_is_refused_with_the_size_that_does(make_clip, tmp_path: Path, monkeypatch):
    clip = make_clip(tmp_path / "clip", frames=12, size=SIZE)
    Hungry(monkeypatch, 5)
    with pytest.raises(InputError) as caught:
        quietly(a_config(clip, batch_size=8), tmp_path / "run")
    assert str(caught.value) == (
        "a batch of 8 at 64x64 does not fit into the memory; use --trainer.batch-size 5 with a new --run, or "
        "--auto-batch, which finds the size"
    )
    Hungry(monkeypatch, 0)
    with pytest.raises(InputError, match=r"a single image does not either; choose a smaller --data.size"):
        quietly(a_config(clip, batch_size=8), tmp_path / "run")


def test_the_size_that_fits_is_found_and_kept_when_the_run_goes_on(make_clip, tmp_path: Path, monkeypatch):
    clip = make_clip(tmp_path / "clip", frames=12, size=SIZE)
    quietly(a_config(clip, batch_size=3), tmp_path / "whole")
    with monkeypatch.context() as context:
        Hungry(context, 3)
        train(a_config(clip, batch_size=8), tmp_path / "run", Console(file=StringIO()), auto_batch=True)
    assert json.loads((tmp_path / "run" / "config.json").read_text())["trainer"]["batch_size"] == 3
    assert_same_weights(tmp_path / "run", tmp_path / "whole")
    said = StringIO()
    train(a_config(clip, batch_size=8), tmp_path / "run", Console(file=said, width=200), auto_batch=True)
    assert "resuming from step_00000004" in said.getvalue()
