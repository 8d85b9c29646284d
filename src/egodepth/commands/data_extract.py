"""`egodepth data extract RECORDING --out DIR`: write the frames of a recording that are worth training on."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from tyro.conf import Positional

from egodepth.data.footage.settings import FOOTAGE_FILE, MOTION
from egodepth.foundation.errors import InputError, require
from egodepth.foundation.files import write_text


@dataclass(frozen=True)
class Extract:
    """Select the frames of a video, a folder of frames or a ROS bag that are worth training on, spaced by their motion.

    Duplicates, standstills and unusable frames are left out. Neighbouring frames get consecutive numbers; a cut or a
    standstill leaves a gap in the numbers. If the command is stopped, run it again to continue.
    """

    footage: Positional[Path]
    """A video file, a folder of images, a ROS 1 bag (.bag), an MCAP file, or a ROS 2 bag (its folder or a .db3 file).
    Bags need `pip install 'egodepth[ros]'`, but no ROS."""
    out: Path
    """Output folder for the frames and for footage.json. It records the source of each frame and why others were
    dropped."""
    longest: int = 1280
    """Longer side of the frames in pixels. Smaller footage keeps its size."""
    motion: float = MOTION
    """Image motion between two kept frames: median over the image, as a share of its width."""
    topic: str | None = None
    """The topic of the images in a bag. Left out: the only image topic."""
    camera_info: str | None = None
    """The topic of their camera in a bag. Left out: the camera_info beside the images. It becomes camera.json."""
    json: Path | None = None
    """Also write the summary to this JSON file."""

    def __call__(self) -> None:
        """Extract the frames and print the summary."""
        require(self.longest >= 32, f"--longest {self.longest}: frames that small show nothing; 640 or more is usual")
        require(0 < self.motion < 0.5, f"--motion {self.motion}: a share of the image's width, such as {MOTION}")
        from egodepth.data.footage.extract import extract, keep_camera
        from egodepth.data.footage.source import open_footage
        from egodepth.data.footage.summary import verdict

        footage = open_footage(self.footage, self.topic, self.camera_info)
        stated = footage.camera()
        summary, there = extract(footage, self.out, self.longest, self.motion)
        said = verdict(summary)
        if self.json:
            content = {"footage": str(self.footage), **asdict(summary), "verdict": said}
            write_text(self.json, json.dumps(content, indent=2) + "\n")
        if not summary.kept:
            raise InputError(
                f"{self.footage}: {said[0][0].lower()}{said[0][1:]} {self.out / FOOTAGE_FILE} gives the reasons"
            )
        before = f", {there} of them from an earlier run" if there else ""
        print(f"{self.out}: {summary.kept} frames of {summary.frames}{before}; {FOOTAGE_FILE} lists their sources")
        if stated and keep_camera(stated, self.out):
            print(f"{self.out / 'camera.json'}: {stated.said}")
        for sentence in said:
            print(sentence)
