"""`egodepth data extract VIDEO --out DIR`: the frames of a recording that are worth training on."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from tyro.conf import Positional

from egodepth.data.footage.settings import FOOTAGE_FILE, MOTION
from egodepth.foundation.errors import InputError, require
from egodepth.foundation.files import write_text


@dataclass(frozen=True)
class Extract:
    """Frames of a video, or of a folder of frames, that are worth training on: as far apart as the motion asks for.

    The same picture twice, standstills, and what cannot be used are left out. Neighbours get consecutive numbers; a cut
    or a standstill leaves a gap in them. Stopped, the same command goes on.
    """

    footage: Positional[Path]
    """A video file, or a folder of images."""
    out: Path
    """Folder of the frames and of footage.json, which says where each is from, and why the others are not there."""
    longest: int = 1280
    """Longer side of the frames, pixels; smaller footage keeps its size."""
    motion: float = MOTION
    """Motion of the image from a frame to the next: median over the image, share of its width."""
    json: Path | None = None
    """Write the summary to this file, too."""

    def __call__(self) -> None:
        """Extract, and say what is there."""
        require(self.longest >= 32, f"--longest {self.longest}: frames that small show nothing; 640 or more is usual")
        require(0 < self.motion < 0.5, f"--motion {self.motion}: a share of the image's width, such as {MOTION}")
        from egodepth.data.footage.extract import extract
        from egodepth.data.footage.source import open_footage
        from egodepth.data.footage.summary import verdict

        summary, there = extract(open_footage(self.footage), self.out, self.longest, self.motion)
        said = verdict(summary)
        if self.json:
            content = {"footage": str(self.footage), **asdict(summary), "verdict": said}
            write_text(self.json, json.dumps(content, indent=2) + "\n")
        if not summary.kept:
            raise InputError(f"{self.footage}: {said[0][0].lower()}{said[0][1:]} {self.out / FOOTAGE_FILE} says why")
        before = f", {there} of them before" if there else ""
        print(f"{self.out}: {summary.kept} frames of {summary.frames}{before}; {FOOTAGE_FILE} says where they are from")
        for sentence in said:
            print(sentence)
