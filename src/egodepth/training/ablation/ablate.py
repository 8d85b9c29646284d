"""Run the missing trainings and scores of an ablation, and write the report on all of them."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from egodepth.config import TrainConfig
from egodepth.data.drive import Drive
from egodepth.data.samples.training_set import open_training_set
from egodepth.foundation.errors import InputError
from egodepth.training.ablation.cells import Cell, Examination
from egodepth.training.ablation.options import AblationOptions
from egodepth.training.ablation.plot import write_plot
from egodepth.training.ablation.results_folder import Results, claim, settings_of
from egodepth.training.ablation.sharing import make_shared_hints
from egodepth.training.ablation.table import Row
from egodepth.training.ablation.untrained import untrained_rows
from egodepth.training.ablation.variants import ENCODERS, chosen_variants, trained_as, variant_config
from egodepth.training.ablation.workers import CellRunner
from egodepth.training.devices import pick_device, with_precision


class Ablation(NamedTuple):
    """Result of an ablation."""

    rows: list[Row]
    cells: int
    """Number of all trainings."""
    failures: Mapping[Cell, str]
    """Failed trainings, with the reasons."""


def run_ablation(options: AblationOptions) -> Ablation:
    """Train and score the missing cells, and write ablation.md, ablation.json and ablation.png.

    Raises:
        InputError: no data to train or score on, a folder of another ablation, or contradicting options.
    """
    if min(options.seeds, options.jobs, 1 if options.test_frames is None else options.test_frames) < 1:
        raise InputError("ablate: --seeds, --jobs and --test-frames are at least 1")
    config = _config(options)
    names = chosen_variants(options.variants, config)
    if set(ENCODERS) & set(names):  # a row named `pretrained` must have pretrained weights
        config = dataclasses.replace(config, model=dataclasses.replace(config.model, without_weights="stop"))
    examination = _examination(options)
    drives = _training_drives(config, examination)
    settings = settings_of(config, examination)
    claim(options.out, settings)
    cells = _cells(options, config, names, examination)
    results = Results(options.out, settings, cells, names, config, untrained_rows(options.out, drives, examination))
    results.write()
    todo = [cell for cell in cells if not cell.score_file.exists()]
    make_shared_hints(todo)
    runner = CellRunner(options.jobs, results.finished)
    failures = runner.run(todo, len(cells) - len(todo)) if todo else {}
    rows = results.write()
    if any(row.trained for row in rows):
        write_plot(options.out / "ablation.png", rows)
    return Ablation(rows, len(cells), failures)


def _examination(options: AblationOptions) -> Examination:
    return Examination(
        paths=options.test or options.data or options.config.data.path,
        drives=options.test_drives,
        limit=options.test_frames,
        benchmark=options.benchmark,
        improved=options.improved,
        all_frames=options.all_frames,
    )


def _config(options: AblationOptions) -> TrainConfig:
    """Return the recipe with the short options applied."""
    config = options.config
    data = dataclasses.replace(config.data, path=options.data or config.data.path)
    trainer = dataclasses.replace(
        config.trainer, steps=config.trainer.steps if options.steps is None else options.steps
    )
    if not data.path:
        raise InputError("no data; give --data FOLDER (a synthetic set: egodepth data render)")
    return with_precision(dataclasses.replace(config, data=data, trainer=trainer), pick_device(trainer.device))


def _cells(options: AblationOptions, config: TrainConfig, names: Sequence[str], examination: Examination) -> list[Cell]:
    """Return the cells seed by seed, so that an unfinished table is a fair comparison."""
    owners = list(dict.fromkeys(trained_as(name, config) for name in names))
    cells = []
    for seed in range(config.trainer.seed, config.trainer.seed + options.seeds):
        # One validation, at the end, because no model is selected.
        trainer = dataclasses.replace(config.trainer, seed=seed, validate_every=config.trainer.steps)
        for owner in owners:
            variant = dataclasses.replace(variant_config(owner, config), trainer=trainer)
            cells.append(Cell(owner, seed, variant, examination, options.out))
    return cells


def _training_drives(config: TrainConfig, examination: Examination) -> list[Drive]:
    """Return the drives to train on, after a check that they and the test frames can be used."""
    drives = open_training_set(config.data).drives
    frames = examination.frames()
    if not frames:
        raise InputError(f"{', '.join(examination.paths)}: no frame has true depth to score with; give --test FOLDER")
    shared = {drive.name for drive, _ in frames} & {drive.name for drive in drives}
    if shared and set(examination.paths) & set(config.data.path):
        raise InputError(
            f"{sorted(shared)[0]}: would be trained on and scored on; separate the drives with --data.drives and "
            "--test-drives, or give --test FOLDER"
        )
    return drives
