"""`egodepth data hints DIR`: compute hints once, for every training that uses them, and measure them."""

import json
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rich.console import Console
from tyro.conf import Positional

from egodepth.config import DataConfig, HintConfig, HintSource, TrainConfig, TrainerConfig
from egodepth.foundation.files import write_text

if TYPE_CHECKING:  # imported when the verb runs
    from egodepth.data.drive import Drive
    from egodepth.hints.known import KnownDrives
    from egodepth.hints.quality import HintQuality


@dataclass(frozen=True, kw_only=True)
class MakeHints:
    """Compute depth hints for every frame of a data set, and measure how good they are.

    A training with the same size and sources finds them by `--hints.store OUT`, and computes the missing ones. If the
    command is stopped, run it again to continue. Structure from motion finds the poses (`pip install 'egodepth[sfm]'`),
    or the data set provides them. The printed table compares the hints with true depth, if the data set has it, and
    with one in ten points of structure from motion. No training sees these points.
    """

    data: Positional[Path]
    """Any data set that can be trained on."""
    out: Path
    """Folder of the hints."""
    size: tuple[int, int] = (192, 640)
    """Height and width of the training images."""
    sources: tuple[HintSource, ...] = ("sweep", "sparse", "contact")
    """Where hints come from: `sweep`, `stereo`, `sparse`, `contact` (see `egodepth train RECIPE --help`)."""
    poses: Literal["sfm", "given"] = "sfm"
    """`sfm`: structure from motion finds the poses. `given`: the data set provides them (a rendered set does)."""
    teacher: str = ""
    """Also compute the pseudo labels of this depth model."""
    drives: tuple[str, ...] = ("*",)
    """Glob patterns of the drives."""
    split: Literal["train", "val", "test"] = "train"
    """Which split of a rendered set or of Cityscapes."""
    sheets: bool = False
    """Also write a sheet of pictures for each drive to OUT: image, hint, error."""
    seed: int = 0
    """Random seed of structure from motion."""
    json: Path | None = None
    """Also write the figures to this JSON file."""

    def __call__(self) -> None:
        """Compute, measure and print."""
        from egodepth.data.drive import select_drives
        from egodepth.data.opening import open_drives
        from egodepth.hints.making import known_drives

        drives = select_drives(open_drives(self.data, self.split), self.drives)
        hints = HintConfig(sources=self.sources, teacher=self.teacher)
        offsets = (-1, 1) if hints.needs_neighbours else ()
        stereo = "stereo" in self.sources or not offsets
        config = TrainConfig(
            data=DataConfig(size=self.size, offsets=offsets, stereo=stereo, poses=self.poses if offsets else "learned"),
            hints=hints,
            trainer=TrainerConfig(seed=self.seed),
        )
        known = known_drives(config, drives, self.out)
        figures = {}
        for position, drive in enumerate(drives):
            sheet = self.out / f"{drive.name.replace('/', '_')}.png" if self.sheets else None
            figures[drive.name] = [asdict(quality) for quality in _measured(known, position, drive, sheet)]
        if self.json:
            write_text(self.json, json.dumps(figures, indent=2) + "\n")


def _measured(known: "KnownDrives", position: int, drive: "Drive", sheet: Path | None) -> list["HintQuality"]:
    """Measure the hints of a drive, print the table and write the sheet."""
    from egodepth.hints.quality import measure_hints
    from egodepth.hints.quality_report import quality_footnote, quality_table, write_hint_sheet

    hint = partial(known.inverse_depth, position)
    own = known.drives[position]
    qualities = measure_hints(hint, list(drive.frames), drive, own.clip_map, metric=own.metric)
    console = Console()
    console.print(quality_table(drive.name, qualities))
    for quality in qualities:
        console.print(quality_footnote(quality), highlight=False)
    if sheet is not None:
        write_hint_sheet(sheet, hint, list(drive.frames), drive, qualities, own.clip_map)
        console.print(str(sheet), soft_wrap=True, highlight=False, markup=False)
    return qualities
