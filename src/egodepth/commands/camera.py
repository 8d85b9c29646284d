"""`egodepth camera CLIP`: find the camera of an uncalibrated clip."""

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from tyro.conf import Positional

from egodepth.foundation.files import write_text
from egodepth.sfm.settings import CameraSearch


@dataclass(frozen=True, kw_only=True)
class FindCamera(CameraSearch):
    """Find the camera of a clip by structure from motion: focal length with its uncertainty, sparse points, poses.

    The camera must move and turn. If the clip does not determine the focal length, the command says so and writes the
    field of view that you state. It also writes a report, and clip_map.npz, sparse.npz and sparse.ply with the points
    and the poses of all frames.
    """

    clip: Positional[Path]
    """Folder with consecutive frames of one camera. A camera.json in it is ignored."""
    out: Path
    """The camera file to write. Put it into the folder of the frames to make the clip a data set."""
    keep: bool = False
    """Keep the work folder: images, features, matches, COLMAP's models."""
    json: Path | None = None
    """Also write the report to this JSON file."""

    def __call__(self) -> None:
        """Find the camera and print what was written."""
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
