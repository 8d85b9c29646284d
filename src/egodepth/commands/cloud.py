"""`egodepth cloud CLIP`: one point cloud from depth maps and a trajectory that are there already."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console
from tyro.conf import Positional

from egodepth.foundation.errors import require
from egodepth.foundation.files import write_text
from egodepth.foundation.progress import warn
from egodepth.video.cloud.settings import CloudSettings


@dataclass(frozen=True, kw_only=True)
class FuseCloud:
    """Fuse the depth maps of a clip along a trajectory into one coloured point cloud, cleaned as `egodepth video` does.

    Depth and trajectory must be in one unit, which is the cloud's, too. A trajectory in KITTI's format has a pose for
    every depth map. One in TUM's may have fewer: frames at whose time it has none are left out.
    """

    clip: Positional[Path]
    """A video of any container, or a folder of frames: those that the depth is of, all of them."""
    depth: Path
    """Folder with a depth map of each frame, as `egodepth video` and `egodepth predict` write them: NPZ (with its
    confidence, if there is one), or else 16-bit PNG. They are taken in the order of their names."""
    trajectory: Path
    """World from camera, KITTI's format (12 numbers a line) or TUM's (8 numbers a line)."""
    out: Path
    """The PLY file to write."""
    camera: Path | None = None
    """Camera file: camera.json, or of OpenCV, ROS, COLMAP, KITTI, Kalibr, ORB-SLAM and others (docs/cameras.md). One
    that lies beside the frames of a folder is found by itself; `egodepth video` leaves its own in OUT/frames. If its
    lens distorts, the depth must be of the undistorted frames, as that of `egodepth video` is."""
    fov_deg: float | None = None
    """Horizontal field of view."""
    intrinsics: tuple[float, float, float, float] | None = None
    """fx fy cx cy in pixels of the clip's frames."""
    png_scale: float | None = None
    """What the PNGs' values are divided by. Left out: what predictions.json beside them or report.json above them says.
    """
    longest: int = 1280
    """Longer side of what points are made of, pixels; larger frames and depth maps are shrunk."""
    settings: Annotated[CloudSettings, tyro.conf.arg(name="")] = field(default_factory=CloudSettings)
    json: Path | None = None
    """Write the figures to this file, too."""

    def __post_init__(self) -> None:
        given = [self.camera, self.fov_deg, self.intrinsics]
        require(sum(each is not None for each in given) <= 1, "cloud: give one of --camera, --fov-deg and --intrinsics")
        require(self.fov_deg is None or 12 <= self.fov_deg <= 135, f"--fov-deg {self.fov_deg}: 12 to 135 are possible")
        require(self.png_scale is None or self.png_scale > 0, f"--png-scale {self.png_scale}: above 0")
        require(self.longest >= 64, f"--longest {self.longest}: at least 64")
        require(self.out.suffix.lower() == ".ply", f"--out {self.out}: name a file that ends in .ply")

    def __call__(self) -> None:
        """Read, fuse, write, say."""
        from egodepth.foundation.ply_files import refuse_other_cloud
        from egodepth.video.cloud.clip_cloud import CameraSource, fuse_clip
        from egodepth.video.cloud.writing import write_cloud

        refuse_other_cloud(self.out)
        source = CameraSource(self.camera, self.fov_deg, self.intrinsics)
        fused = fuse_clip(self.clip, self.depth, self.trajectory, self.settings, source, self.longest, self.png_scale)
        write_cloud(self.out, fused.cloud)
        if self.json:
            write_text(self.json, json.dumps({"out": str(self.out)} | fused.figures(), indent=2) + "\n")
        if fused.frames > 1 and fused.cloud.frames.max() == 1:
            warn("no point is of more than one frame: the camera hardly moves for this depth; are both in one unit?")
        said = f"{self.out}: {len(fused.cloud.xyz)} points of {fused.frames} frames"
        Console().print(said, soft_wrap=True, highlight=False, markup=False)
