import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from PIL import Image

from egodepth.cli import main
from egodepth.commands.ablate import Ablate
from egodepth.commands.data_render import Render
from egodepth.config import DataConfig, ModelConfig, TrainConfig, TrainerConfig
from egodepth.data.samples.training_set import open_training_set
from egodepth.foundation.errors import InputError
from egodepth.foundation.files import write_text
from egodepth.training.ablation import ablate as run_module
from egodepth.training.ablation.cells import Cell, Score, read_score, run_cell, score
from egodepth.training.ablation.untrained import _mean_maps
from egodepth.training.ablation.workers import CellRunner

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of TensorBoard's imports
SCORE = Score(4, 0.1, {part: {"abs_rel": 0.2, "rmse": 4.0, "a1": 0.9} for part in ("all", "moving")})


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The smallest set that can be trained on."""
    out = tmp_path_factory.mktemp("data") / "drives"
    Render(out=out, train=1, val=1, test=1, frames=4, size=(64, 96), partner=False, processes=1)()
    return out


def tiny(data: Path) -> TrainConfig:
    return TrainConfig(
        data=DataConfig(path=(str(data),), size=(64, 96), val_frames=1),
        model=ModelConfig(encoder="test_resnet", pose="posecnn"),
        trainer=TrainerConfig(steps=2, batch_size=2, device="cpu"),
    )


@pytest.fixture
def runner_is_fake(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Cells are not trained but get a score; the names of those asked for, a list a command."""
    asked: list[list[str]] = []

    def run(self: CellRunner, cells: list[Cell], already: int = 0) -> dict[Cell, str]:
        asked.append([cell.name for cell in cells])
        for cell in cells:
            write_text(cell.score_file, json.dumps(asdict(SCORE)))
        return {}

    monkeypatch.setattr(CellRunner, "run", run)
    return asked


def test_a_whole_ablation_trains_scores_and_reports(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, copy = tmp_path / "out", tmp_path / "copy.json"
    words = f"ablate street-clip-photometric --data {data} --out {out} --seeds 2 --steps 2"
    words += " --variants baseline full pose-posecnn"
    words += f" --json {copy} --data.offsets -1 1 --data.size 64 96"
    words += " --data.val-frames 1 --model.encoder test_resnet --model.pose posecnn"
    main([*words.split(), "--trainer.batch-size", "2", "--trainer.device", "cpu"])
    names = [f"{variant}_seed_{seed}" for seed in range(2) for variant in ("baseline", "full")]
    assert {file.stem for file in (out / "scores").iterdir()} == {*names, "mean_map", "constant"}
    results = json.loads((out / "ablation.json").read_text())
    rows = {row["name"]: row for row in results["rows"]}
    assert list(rows) == ["mean_map", "constant", "baseline", "full", "pose-posecnn"]
    assert rows["pose-posecnn"]["scores"] == rows["full"]["scores"]
    assert rows["full"]["scores"]["0"] != rows["full"]["scores"]["1"]
    assert rows["full"]["scores"]["0"]["images"] == 4
    assert json.loads(copy.read_text()) == results
    assert "4 of 4 trainings of 2 steps" in (out / "ablation.md").read_text()
    with Image.open(out / "ablation.png") as picture:
        assert picture.width > 500
    assert "baseline" in capsys.readouterr().out


def test_a_cell_trains_its_seed_scores_its_last_model_and_leaves_no_checkpoints(data: Path, tmp_path: Path) -> None:
    ablation = Ablate(out=tmp_path, config=tiny(data))
    cell = run_module._cells(ablation, run_module._config(ablation), ["full"], run_module._examination(ablation))[1]
    (cell.run / ".config.part.json").parent.mkdir(parents=True)
    (cell.run / ".config.part.json").touch()  # as a kill in the first moment leaves it
    found = run_cell(cell)
    assert read_score(cell.score_file) == found
    assert {"all", "static"} <= set(found.parts)
    assert (cell.run / "model_last").is_dir()
    assert not (cell.run / "checkpoints").exists()
    trainer = json.loads((cell.run / "config.json").read_text())["trainer"]
    assert (trainer["seed"], trainer["validate_every"]) == (1, 2)
    assert cell.steps_done() == 2


def test_finished_cells_are_not_trained_again_and_seeds_and_variants_may_grow(
    data: Path, tmp_path: Path, runner_is_fake: list[list[str]]
) -> None:
    out = tmp_path / "out"
    first = Ablate(out=out, config=tiny(data), variants=("full",), seeds=1)
    first()
    first()
    replace(first, variants=("full", "baseline"), seeds=2)()
    # Seed by seed: what is there at any moment makes a balanced table.
    assert runner_is_fake == [["full_seed_0"], ["baseline_seed_0", "baseline_seed_1", "full_seed_1"]]


def test_another_configuration_in_the_same_folder_is_refused_by_its_name(
    data: Path, tmp_path: Path, runner_is_fake: list[list[str]]
) -> None:
    first = Ablate(out=tmp_path / "out", config=tiny(data), seeds=1)
    first()
    for other, named in (
        (replace(first, steps=3), r"trainer\.steps = 2, not 3"),
        (replace(first, test_frames=2), "limit = null, not 2"),
        (replace(first, config=replace(tiny(data), model=ModelConfig(encoder="resnet10t"))), "model.encoder"),
    ):
        with pytest.raises(InputError, match=named):
            other()
    housekeeping = replace(tiny(data), trainer=replace(tiny(data).trainer, workers=1, log_every=1))
    replace(first, config=housekeeping)()
    # A folder from before a field existed has its default.
    file = tmp_path / "out" / "ablation.json"
    old = json.loads(file.read_text())
    del old["config"]["data"]["on_device"], old["config"]["data"]["zoom"]
    file.write_text(json.dumps(old))
    first()
    assert len(runner_is_fake) == 1
    file.write_text(json.dumps(old))
    with pytest.raises(InputError, match=r"data\.zoom = 1.0, not 1.5"):
        replace(first, config=replace(tiny(data), data=replace(tiny(data).data, zoom=1.5)))()


def test_folders_and_data_that_cannot_be_used_are_refused_before_anything_is_trained(
    data: Path, tmp_path: Path, runner_is_fake: list[list[str]]
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").touch()
    config = tiny(data)
    shared = {"config": replace(config, data=replace(config.data, path=(str(data / "train"),)))}
    for changes, named in (
        ({"out": tmp_path / "full"}, "not empty and not an ablation"),
        ({"seeds": 0}, "at least 1"),
        ({"config": replace(config, data=DataConfig())}, "give --data FOLDER"),
        ({"test": (str(tmp_path / "nowhere"),)}, "nowhere: does not exist"),
        ({"test_drives": ("test/9*",)}, "no drive matches"),
        (shared, "no frames found"),
    ):
        with pytest.raises(InputError, match=named):
            Ablate(**{"out": tmp_path / "out", "config": config, **changes})()
    assert not runner_is_fake


def test_drives_are_not_trained_on_and_scored_on(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from egodepth.data.opening import open_drives

    monkeypatch.setattr("egodepth.training.ablation.cells.open_drives", lambda path, *_: open_drives(path, "train"))
    with pytest.raises(InputError, match="would be trained on and scored on"):
        Ablate(out=tmp_path / "out", config=tiny(data))()


def test_failed_cells_are_told_at_the_end_in_one_line(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(self: CellRunner, cells: list[Cell], already: int = 0) -> dict[Cell, str]:
        write_text(cells[0].score_file, json.dumps(asdict(SCORE)))
        return {cells[1]: "the loss is nan"}

    monkeypatch.setattr(CellRunner, "run", run)
    with pytest.raises(InputError, match=r"1 of 2 trainings failed.*full, seed 0: the loss is nan"):
        Ablate(out=tmp_path / "out", config=tiny(data), variants=("baseline", "full"), seeds=1)()
    assert "baseline" in capsys.readouterr().out
    assert "1 of 2 trainings" in (tmp_path / "out" / "ablation.md").read_text()


def test_the_mean_map_of_the_table_is_the_strongest_and_is_named(
    data: Path, tmp_path: Path, runner_is_fake: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    Ablate(out=out, config=tiny(data), variants=("full",), seeds=1)()
    ablation = Ablate(out=out, config=tiny(data))
    examination = run_module._examination(ablation)
    maps = _mean_maps(open_training_set(run_module._config(ablation).data).drives, examination)
    scores = {of: score(lambda _, found=found: found, examination).parts["all"] for of, found in maps.items()}
    assert len(scores) == 3
    strongest = min(scores, key=lambda averaged: scores[averaged]["abs_rel"])
    said = (out / "ablation.md").read_text()
    assert f"| mean map of {strongest} |" in said
    assert f"the mean of {strongest}." in said
    assert f"the mean of {strongest}." in " ".join(capsys.readouterr().out.split())
    file = out / "scores" / "mean_map.json"
    kept = json.loads(file.read_text())
    assert kept["averaged"] == strongest
    assert kept["parts"]["all"] == pytest.approx(scores[strongest])
    # A folder from before scores said of which keeps the words that it can answer for.
    del kept["averaged"]
    file.write_text(json.dumps(kept))
    Ablate(out=out, config=tiny(data), variants=("full",), seeds=1)()
    assert "| mean map |" in (out / "ablation.md").read_text()
    assert "Mean map:" not in (out / "ablation.md").read_text()


def test_what_trainings_share_is_made_before_the_first_begins(
    data: Path, tmp_path: Path, runner_is_fake: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[list[str], int]] = []
    monkeypatch.setattr(
        run_module, "make_shared_hints", lambda cells: asked.append(([c.name for c in cells], len(runner_is_fake)))
    )
    ablation = Ablate(out=tmp_path / "out", config=tiny(data), variants=("full",), seeds=1)
    ablation()
    replace(ablation, seeds=2)()
    assert asked == [(["full_seed_0"], 0), (["full_seed_1"], 1)]


def test_a_row_that_is_called_pretrained_is_never_trained_from_random_weights(
    data: Path, tmp_path: Path, runner_is_fake: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    cells: list[Cell] = []
    monkeypatch.setattr(run_module, "make_shared_hints", cells.extend)
    model = replace(tiny(data).model, pretrained=True, without_weights="random")
    config = replace(tiny(data), model=model)
    Ablate(out=tmp_path / "a", config=config, variants=("full",), seeds=1)()
    names = ("random-encoder", "pretrained-encoder", "full")
    Ablate(out=tmp_path / "b", config=config, variants=names, seeds=1)()
    found = [(cell.variant, cell.config.model.pretrained, cell.config.model.without_weights) for cell in cells]
    # The recipe's own encoder is not trained again.
    assert found == [("full", True, "random"), ("full", True, "stop"), ("random-encoder", False, "stop")]
    assert "encoder test_resnet (pretrained), pose network posecnn, on" in (tmp_path / "b" / "ablation.md").read_text()


def test_a_damaged_score_names_its_file(tmp_path: Path) -> None:
    write_text(tmp_path / "x.json", "{")
    with pytest.raises(InputError, match=r"x\.json: not a score"):
        read_score(tmp_path / "x.json")


def test_without_a_recipe_the_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    main(["ablate", "--help"])
    said = capsys.readouterr().out
    assert "baseline+minimum" in said
    assert "quickstart" in said
    with pytest.raises(SystemExit) as stop:
        main(["ablate"])
    assert stop.value.code == 2
    assert "name a recipe first" in capsys.readouterr().err
