"""`egodepth data undistort CLIP`: resample the frames of a distorting lens to a pinhole camera."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from tyro.conf import Positional

from egodepth.foundation.files import write_text


@dataclass(frozen=True)
class Undistort:
    """Undo the distortion of a lens: frames as a pinhole camera would have seen them, of the same size and names, and
    that camera's camera.json beside them.

    Every pixel of the output shows the scene, so a part of the view is cut off. If the command is stopped, run it
    again to continue. Training, evaluation and odometry do not need such copies: they undistort frames beside a camera
    file with distortion as they read them. The verb predict does.
    """  # noqa: D205 - the first paragraph is the verb's help

    clip: Positional[Path]
    """Folder of frames."""
    out: Path
    """Output folder for the undistorted frames. It must be new, or made by this command."""
    camera: Path | None = None
    """Camera file with the distortion: camera.json, or one of OpenCV, ROS, COLMAP and others. Left out: the camera file
    of the clip."""
    workers: int = 0
    """Number of threads; 0: one per processor."""
    json: Path | None = None
    """Also write the summary to this JSON file."""

    def __call__(self) -> None:
        """Undistort the frames and print a summary."""
        import torch

        from egodepth.data.media.side_by_side import print_unreadable
        from egodepth.data.undistorted_frames import undistort

        torch.set_num_threads(1)  # frames are processed in parallel
        done = undistort(self.clip, self.out, self.camera, self.workers)
        made = done.frames - done.already_there
        print(
            f"{done.folder}: {done.frames} frames, field of view {done.fov_deg:.0f} degrees, by {done.camera_file}; "
            f"{made} undistorted in {done.seconds:.1f} s ({made / done.seconds:.0f} frames/s), {done.already_there} "
            "existed already"
        )
        print_unreadable(done.unreadable)
        if self.json:
            write_text(self.json, json.dumps(asdict(done), indent=2) + "\n")
