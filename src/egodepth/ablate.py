"""`egodepth ablate RECIPE --data DIR --out DIR`: which part of the method is worth what, on any data set."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro
from rich.console import Console
from rich.table import Table

from egodepth.ablation.cells import Cell, Examination
from egodepth.ablation.plot import write_plot
from egodepth.ablation.record import Results, claim, settings_of
from egodepth.ablation.sharing import make_shared_hints
from egodepth.ablation.table import RULE, Cells, Row, about_mean_map, differences, main_table
from egodepth.ablation.untrained import untrained_rows
from egodepth.ablation.variants import ENCODERS, chosen_variants, trained_as, variant_config
from egodepth.ablation.workers import CellRunner
from egodepth.config import TrainConfig
from egodepth.data.drive import Drive
from egodepth.data.training_set import open_training_set
from egodepth.errors import InputError
from egodepth.files import write_text
from egodepth.train import pick_device, with_precision


@dataclass(frozen=True)
class Ablate:
    """Train a recipe with and without each part of the method, over several seeds, and compare on the same frames.

    One resumable command: interrupted or killed, it goes on where it was; finished trainings are not repeated, and
    more --seeds or --variants can be asked for later. Writes ablation.md and ablation.json anew after each training,
    and ablation.png at the end. Trainings are scored by their last model: nothing is selected.

    Variants: baseline (average reprojection, no auto-mask, native scales, no depth-range scaling); the baseline with
    one part more: baseline+minimum, baseline+automask, baseline+full-res, baseline+depth-scaling; full; full with one
    part less: full-minimum, full-automask, full-full-res, no-depth-scaling; full with a part exchanged or added:
    zhou-mask, no-ssim, pose-posecnn, pose-shared, pose-separate, depth-scaling. Of recipes with hints or poses of
    structure from motion, also: photometric-only, hints-only, hints-better (where they explain the pixel better),
    hints-always; poses-learned, poses-sfm. Where asked for by name: random-encoder, pretrained-encoder. Those that are
    what the recipe has anyway are not trained twice. To cross two of these, change the recipe: `--model.no-pretrained
    --variants photometric-only hints-only full`.

    Example: egodepth ablate synthetic-s --data drives --out ablation --seeds 3 --steps 300 --data.size 64 224
    """

    out: Path
    """Folder for the trainings, their scores and the report."""
    config: Annotated[TrainConfig, tyro.conf.arg(name="")]
    data: tuple[str, ...] = ()
    """Short for --data.path."""
    variants: tuple[str, ...] = ()
    """Only these rows; if left out, all that apply but random-encoder and pretrained-encoder."""
    seeds: int = 3
    """Trainings of each row, with seeds --trainer.seed, the next, ..."""
    steps: int | None = None
    """Short for --trainer.steps: the length of every training."""
    jobs: int = 2
    """Trainings at the same time, the cores shared among them."""
    test: tuple[str, ...] = ()
    """Data to score on; default: the test split of the training data."""
    test_drives: tuple[str, ...] = ("*",)
    """Glob patterns of the drives to score on."""
    test_frames: int | None = None
    """Score on this many frames, evenly spaced; default: all that have true depth."""
    benchmark: Literal["synthetic", "kitti_2015", "eigen", "eigen_benchmark", "make3d", "cityscapes"] = "synthetic"
    """Which of the frames and pixels count; of a published list, the frames that are there."""
    improved: Path | None = None
    """Folder of KITTI's improved depth maps, for eigen_benchmark."""
    all_frames: bool = False
    """Take every frame with true depth, whatever frames the benchmark is published for."""
    json: Path | None = None
    """Also write the results to this file."""

    def __call__(self) -> None:
        """Train and score what is missing, report on all."""
        if min(self.seeds, self.jobs, 1 if self.test_frames is None else self.test_frames) < 1:
            raise InputError("ablate: --seeds, --jobs and --test-frames are at least 1")
        config = self._config()
        names = chosen_variants(self.variants, config)
        if set(ENCODERS) & set(names):  # a row that is called pretrained must be
            config = dataclasses.replace(config, model=dataclasses.replace(config.model, without_weights="stop"))
        examination = self._examination()
        drives = _training_drives(config, examination)
        settings = settings_of(config, examination)
        claim(self.out, settings)
        cells = self._cells(config, names, examination)
        untrained = untrained_rows(self.out, drives, examination)
        results = Results(self.out, settings, cells, names, config, untrained)
        results.write()
        todo = [cell for cell in cells if not cell.score_file.exists()]
        make_shared_hints(todo)
        failures = CellRunner(self.jobs, results.finished).run(todo, len(cells) - len(todo)) if todo else {}
        self._report(results, failures)

    def _examination(self) -> Examination:
        return Examination(
            paths=self.test or self.data or self.config.data.path,
            drives=self.test_drives,
            limit=self.test_frames,
            benchmark=self.benchmark,
            improved=self.improved,
            all_frames=self.all_frames,
        )

    def _config(self) -> TrainConfig:
        """The recipe with the short options put where they belong."""
        config = self.config
        data = dataclasses.replace(config.data, path=self.data or config.data.path)
        trainer = dataclasses.replace(config.trainer, steps=config.trainer.steps if self.steps is None else self.steps)
        if not data.path:
            raise InputError("no data; give --data FOLDER (a synthetic set: egodepth data render)")
        return with_precision(dataclasses.replace(config, data=data, trainer=trainer), pick_device(trainer.device))

    def _cells(self, config: TrainConfig, names: Sequence[str], examination: Examination) -> list[Cell]:
        """Seed by seed, so that a table of what is there so far is a fair one."""
        owners = list(dict.fromkeys(trained_as(name, config) for name in names))
        cells = []
        for seed in range(config.trainer.seed, config.trainer.seed + self.seeds):
            # One validation, at the end: its models are not chosen among.
            trainer = dataclasses.replace(config.trainer, seed=seed, validate_every=config.trainer.steps)
            for owner in owners:
                variant = dataclasses.replace(variant_config(owner, config), trainer=trainer)
                cells.append(Cell(owner, seed, variant, examination, self.out))
        return cells

    def _report(self, results: Results, failures: Mapping[Cell, str]) -> None:
        rows = results.write()
        console = Console()
        if any(row.trained for row in rows):
            write_plot(self.out / "ablation.png", rows)
            _print(console, rows)
        if self.json:
            write_text(self.json, (self.out / "ablation.json").read_text())
        for name in ("ablation.md", "ablation.json", "ablation.png"):
            console.print(str(self.out / name), soft_wrap=True, highlight=False)
        if failures:
            cell, reason = next(iter(failures.items()))
            raise InputError(
                f"{len(failures)} of {len(results.cells)} trainings failed, and the same command tries them again; "
                f"{cell.variant}, seed {cell.seed}: {reason}"
            )


def _training_drives(config: TrainConfig, examination: Examination) -> list[Drive]:
    """The drives to train on, once it is sure that both they and the test frames can be used."""
    drives = open_training_set(config.data).drives
    frames = examination.frames()
    if not frames:
        raise InputError(f"{', '.join(examination.paths)}: no frame has true depth to score with; give --test FOLDER")
    shared = {drive.name for drive, _ in frames} & {drive.name for drive in drives}
    if shared and set(examination.paths) & set(config.data.path):
        raise InputError(
            f"{sorted(shared)[0]}: would be trained on and scored on; choose apart with --data.drives and "
            "--test-drives, or give --test FOLDER"
        )
    return drives


def _print(console: Console, rows: Sequence[Row]) -> None:
    """The report for a terminal: names of variants, which fit the width, for the words of the files."""
    console.print(_table(main_table(rows, lambda text: f"[bold green]{text}[/]", lambda row: row.name)))
    console.print(about_mean_map(rows), highlight=False)
    found = differences(rows)
    if found:
        lines = [["", "against", "pixels", "abs_rel difference", "verdict"]]
        lines += [[one.name, one.against, one.pixels, one.mean.text("+.4f"), one.verdict] for one in found]
        console.print(_table(lines))
        console.print(RULE, highlight=False)


def _table(lines: Cells) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
    for heading in lines[0]:
        is_number = heading not in ("", "against", "pixels", "verdict")
        table.add_column(heading, justify="right" if is_number else "left", no_wrap=not heading)
    for line in lines[1:]:
        table.add_row(*line)
    return table
