"""`egodepth data inspect DIR`: what a data set or a recording holds, and whether one can train on it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro
from rich.console import Console

from egodepth.foundation.files import write_text


@dataclass(frozen=True)
class Inspect:
    """Look at a data set: drives, frames, gaps, camera, stereo, true depth, and the samples one can train on.

    Of a video file and of a folder of frames, which need no camera for that, the pictures are looked at, too: how they
    move, whether with parallax, what is wrong with them, and what to do about it. Stereo pairs are matched: is the
    partner on the side, at the height and as far away as the camera file says?
    """

    folder: tyro.conf.Positional[Path]
    """A video file, frames with camera.json or without, a folder of folders with both, any folder with manifest.csv,
    KITTI (raw, odometry or 2015), Cityscapes, Make3D, or a rendered set."""
    split: Literal["train", "val", "test"] = "train"
    """Which drives of a rendered set or of Cityscapes."""
    offsets: tuple[int, ...] = (-1, 1)
    """Neighbours that a training sample needs."""
    stereo: bool = False
    """Whether a training sample needs the stereo partner."""
    split_file: Path | None = None
    """A published list of frames: say how many of its lines are there, and which drives the others need."""
    json: Path | None = None
    """Write the summary to this file, too."""

    def __call__(self) -> None:
        """Print the table; write the JSON file if asked for."""
        from egodepth.data.drive_table import drive_table
        from egodepth.data.footage.footage_table import footage_table
        from egodepth.data.footage.summary import obstacle, verdict
        from egodepth.data.inspection import inspect

        found = inspect(self.folder, self.split, self.offsets, self.stereo, self.split_file)
        if self.json:
            write_text(self.json, found.to_json())
        console = Console()
        if found.drives:
            console.print(drive_table(str(self.folder), found.drives))
            console.print("gaps: missing numbers; depth: frames with truth; train: frames with all that training needs")
        if found.coverage:
            console.print(found.coverage.text(), highlight=False)
        for warning in found.stereo_warnings:
            console.print(warning, highlight=False, markup=False)
        if found.footage and found.measured:
            console.print(footage_table(found.footage, found.measured))
            for sentence in verdict(found.measured):
                console.print(sentence, highlight=False, markup=False)
            if not found.drives and not obstacle(found.measured):
                console.print(
                    f"Its camera is not known. `egodepth video {self.folder} --out DIR` finds it, trains and predicts. "
                    "`egodepth train` needs a camera.json beside the frames.",
                    highlight=False,
                    markup=False,
                )
