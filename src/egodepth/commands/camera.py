"""`egodepth camera CLIP`: the camera of a clip that nobody calibrated."""

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from tyro.conf import Positional

from egodepth.foundation.files import write_text
from egodepth.sfm.settings import CameraSearch


@dataclass(frozen=True, kw_only=True)
class FindCamera(CameraSearch):
    """Find the camera of a clip by structure from motion: focal length with its uncertainty, sparse points, poses.

    Works where the camera moves and turns. What the clip cannot tell is said, and the field of view that you state is
    written instead. Beside the camera file: its report; clip_map.npz, sparse.npz and sparse.ply with points and poses
    of all frames.
    """

    clip: Positional[Path]
    """Folder of frames in a row, all of one camera; camera.json in it is not looked at."""
    out: Path
    """The camera file to write; put it into the folder of the frames and the clip is a data set."""
    keep: bool = False
    """Keep the work folder: images, features, matches, COLMAP's models."""
    json: Path | None = None
    """Write the report to this file, too."""

    def __call__(self) -> None:
        """Look for it, and say what is where."""
        from egodepth.foundation.progress import warn
        from egodepth.sfm.camera_results import summary_line
        from egodepth.sfm.clip_camera import find_clip_camera
        from egodepth.sfm.verdict import Verdict

        found = find_clip_camera(self.clip, self.out, self, self.keep)
        if self.json:
            write_text(self.json, found.files[1].read_text(encoding="utf-8"))
        estimate = found.estimate
        if estimate.verdict is not Verdict.RELIABLE:
            instead = "" if found.is_estimate else f"; {self.out} has the stated field of view, {self.stated}"
            warn(f"{estimate.verdict.value}: {estimate.reason}{instead}")
        console = Console()
        line = f"{estimate.verdict.value}: {summary_line(estimate, found.size)}"
        console.print(line, highlight=False, soft_wrap=True)
        for path in found.files:
            console.print(str(path), soft_wrap=True, highlight=False, markup=False)
