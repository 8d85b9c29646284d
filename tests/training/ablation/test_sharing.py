"""Rows with hints of a recording of a wall: what they share is made once, and each of them trains."""

import dataclasses
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from egodepth.config import HintConfig, TrainConfig
from egodepth.hints import drive_maps, making
from egodepth.training.ablation.cells import Cell, Examination
from egodepth.training.ablation.sharing import make_shared_hints
from egodepth.training.ablation.variants import variant_config
from hints.wall_scenes import keep_wall_map
from tiny_training import SIZE, a_config, quietly

KNOWING = ("photometric-only", "hints-only", "hints-better", "hints-always", "poses-learned")
EXAMINATION = Examination(paths=(), drives=("*",), limit=None, benchmark="synthetic")


@pytest.fixture
def config(tmp_path: Path, make_clip) -> TrainConfig:
    """Of a clip whose map is there."""
    clip = make_clip(tmp_path / "clip", frames=12, size=SIZE)
    keep_wall_map(tmp_path / "store", clip)
    plain = a_config(clip, steps=2)
    hints = HintConfig(sources=("sweep", "sparse"), rule="always", store=str(tmp_path / "store"))
    data, loss = dataclasses.replace(plain.data, poses="sfm"), dataclasses.replace(plain.loss, photometric_from=0.5)
    return dataclasses.replace(plain, data=data, loss=loss, hints=hints)


def cells_of(config: TrainConfig, names: tuple[str, ...], out: Path) -> list[Cell]:
    def cell(name: str, seed: int) -> Cell:
        trainer = dataclasses.replace(config.trainer, seed=seed)
        return Cell(name, seed, dataclasses.replace(variant_config(name, config), trainer=trainer), EXAMINATION, out)

    return [cell(name, seed) for seed in (0, 1) for name in names]


def made(cells: list[Cell]) -> str:
    said = StringIO()
    make_shared_hints(cells, Console(file=said, width=300))
    return said.getvalue()


def files(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_hints_of_all_cells_are_made_once_and_trainings_write_none(
    config: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = cells_of(config, KNOWING, tmp_path / "out")
    said = made(cells)
    # With hints and without, of known and of learned poses; neither rules nor seeds make others.
    assert [line.split(";")[0] for line in said.splitlines() if line.startswith("Hints")] == [
        "Hints, once for all trainings (1 of 3): poses sfm",
        "Hints, once for all trainings (2 of 3): poses sfm, sweep, sparse",
        "Hints, once for all trainings (3 of 3): poses learned, sweep, sparse",
    ]
    assert f"in {tmp_path / 'store'}" in said
    before = files(tmp_path / "store")
    assert any(path.name.startswith("sweep") for path in before)
    monkeypatch.setattr(making, "hint_maps", None)
    monkeypatch.setattr(drive_maps, "map_recording", None)
    made(cells)
    quietly(cells[-2].config, tmp_path / "run")
    assert files(tmp_path / "store") == before


def test_cells_that_know_nothing_make_nothing(config: TrainConfig, tmp_path: Path) -> None:
    plain = a_config(tmp_path / "nowhere")
    assert made(cells_of(plain, ("full", "baseline"), tmp_path / "out")) == ""


@pytest.mark.parametrize("name", KNOWING)
def test_every_row_of_hints_and_poses_trains(config: TrainConfig, tmp_path: Path, name: str) -> None:
    variant = variant_config(name, config)
    summary, said = quietly(variant, tmp_path / "run")
    assert summary.steps == 2
    assert "structure from motion fits no frames" not in said


def test_learned_poses_train_beside_hints_alone(config: TrainConfig, tmp_path: Path) -> None:
    learned = variant_config("poses-learned", config)
    assert quietly(variant_config("hints-only", learned), tmp_path / "run")[0].steps == 2
