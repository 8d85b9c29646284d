import os
from pathlib import Path

import pytest

from egodepth.training.kept_models import link_models, restore_models


def a_run(folder: Path) -> tuple[Path, Path]:
    """A run with both models, and a checkpoint that has them, too."""
    run, checkpoint = folder / "run", folder / "run" / "checkpoints" / "step_00000004"
    checkpoint.mkdir(parents=True)
    for name in ("model", "model_last"):
        (run / name).mkdir()
        (run / name / "config.json").write_text(f"card of {name}")
        (run / name / "model.safetensors").write_text(f"weights of {name}")
    link_models(run, checkpoint)
    return run, checkpoint


@pytest.mark.parametrize("lost", ["model", "model/model.safetensors", "model_last/config.json"])
def test_what_is_lost_of_a_model_comes_back(tmp_path: Path, lost):
    run, checkpoint = a_run(tmp_path)
    place = run / lost
    for file in [place] if place.is_file() else list(place.iterdir()):
        file.unlink()
    assert restore_models(checkpoint, run) == [lost.split("/")[0]]
    for name in ("model", "model_last"):
        assert (run / name / "config.json").read_text() == f"card of {name}"
        assert (run / name / "model.safetensors").read_text() == f"weights of {name}"
    assert restore_models(checkpoint, run) == []


def test_a_model_that_is_there_stays_though_it_is_newer(tmp_path: Path):
    run, checkpoint = a_run(tmp_path)
    beside = run / "model" / "new"
    beside.write_text("newer weights")
    os.replace(beside, run / "model" / "model.safetensors")
    assert restore_models(checkpoint, run) == []
    assert (run / "model" / "model.safetensors").read_text() == "newer weights"
    assert (checkpoint / "model" / "model.safetensors").read_text() == "weights of model"


def test_links_take_no_room_and_where_there_are_none_files_are_copied(tmp_path: Path, monkeypatch):
    run, checkpoint = a_run(tmp_path / "linked")
    assert os.path.samefile(run / "model" / "config.json", checkpoint / "model" / "config.json")

    def refuse(*_: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    run, checkpoint = a_run(tmp_path / "copied")
    assert not os.path.samefile(run / "model" / "config.json", checkpoint / "model" / "config.json")
    assert (checkpoint / "model" / "config.json").read_text() == "card of model"


def test_a_run_without_a_model_yet_has_none_in_its_checkpoint(tmp_path: Path):
    (tmp_path / "checkpoint").mkdir()
    link_models(tmp_path / "run", tmp_path / "checkpoint")
    assert list((tmp_path / "checkpoint").iterdir()) == []
    assert restore_models(tmp_path / "checkpoint", tmp_path / "run") == []
