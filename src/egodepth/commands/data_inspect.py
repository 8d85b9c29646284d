"""`egodepth data inspect DIR`: show what a data set or a recording holds, and whether it can be trained on."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro
from rich.console import Console

from egodepth.foundation.files import write_text


@dataclass(frozen=True)
class Inspect:
    """Show what a data set holds: drives, frames, gaps, camera, stereo, true depth, and usable training samples.

    For a video, a ROS bag or a folder of frames, the images are measured, too: motion, parallax, flaws, and what to do
    about them. No camera file is needed for that. Stereo pairs are matched to check the side, height and distance of
    the partner against the camera file.
    """

    folder: tyro.conf.Positional[Path]
    """A video file, a ROS bag, frames with or without camera.json, a folder of such folders, any folder with
    manifest.csv, KITTI (raw, odometry or 2015), Cityscapes, Make3D, or a rendered set."""
    split: Literal["train", "val", "test"] = "train"
    """Which split of a rendered set or of Cityscapes."""
    offsets: tuple[int, ...] = (-1, 1)
    """Offsets of the neighbours that a training sample needs."""
    stereo: bool = False
    """Whether a training sample needs the stereo partner."""
    split_file: Path | None = None
    """A published list of frames: report how many of its lines have a frame, and which drives the others need."""
    topic: str | None = None
    """The topic of the images in a bag. Left out: the only image topic."""
    json: Path | None = None
    """Also write the summary to this JSON file."""

    def __call__(self) -> None:
        """Print the table, and write the JSON file if requested."""
        from egodepth.data.drive_table import drive_table
        from egodepth.data.footage.footage_table import footage_table
        from egodepth.data.footage.summary import obstacle, verdict
        from egodepth.data.inspection import inspect

        found = inspect(self.folder, self.split, self.offsets, self.stereo, self.split_file, self.topic)
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
                stated = found.footage.camera()
                camera = (
                    f"Its camera is {stated.said}. `egodepth data extract` writes it beside the frames."
                    if stated
                    else f"Its camera is not known. `egodepth video {self.folder} --out DIR` finds it, trains and "
                    "predicts. `egodepth train` needs a camera.json beside the frames."
                )
                console.print(camera, highlight=False, markup=False)
