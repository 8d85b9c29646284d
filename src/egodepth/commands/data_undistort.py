"""`egodepth data undistort CLIP`: the frames of a lens with distortion as a pinhole camera would have seen them."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from tyro.conf import Positional

from egodepth.foundation.files import write_text


@dataclass(frozen=True)
class Undistort:
    """Undo the distortion of a lens: frames as a pinhole camera would have seen them, of the same size and names, and
    that camera's camera.json beside them.

    No border stays empty, so a part of the view is cut off. Stopped or killed, the same command goes on. Frames beside
    a camera file with distortion need no such copies for training, evaluation or odometry: they are undistorted as they
    are read. For predict they do.
    """  # noqa: D205 - the first paragraph is the verb's help

    clip: Positional[Path]
    """Folder of frames."""
    out: Path
    """Folder for the undistorted ones; new, or one of this command."""
    camera: Path | None = None
    """Camera file with the distortion: camera.json, or of OpenCV, ROS, COLMAP and others; the clip's own when
    left out."""
    workers: int = 0
    """Threads; 0: one a processor."""
    json: Path | None = None
    """Write the summary to this file, too."""

    def __call__(self) -> None:
        """Undistort, and say what is where."""
        import torch

        from egodepth.data.media.side_by_side import print_unreadable
        from egodepth.data.undistorted_frames import undistort

        torch.set_num_threads(1)  # frames go side by side
        done = undistort(self.clip, self.out, self.camera, self.workers)
        made = done.frames - done.already_there
        print(
            f"{done.folder}: {done.frames} frames, field of view {done.fov_deg:.0f} degrees, by {done.camera_file}; "
            f"{made} undistorted in {done.seconds:.1f} s ({made / done.seconds:.0f} frames/s), {done.already_there} "
            "were there"
        )
        print_unreadable(done.unreadable)
        if self.json:
            write_text(self.json, json.dumps(asdict(done), indent=2) + "\n")
