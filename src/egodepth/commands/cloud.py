"""`egodepth cloud CLIP`: fuse existing depth maps and an existing trajectory into one point cloud."""

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

    Depth and trajectory must have the same unit; the point cloud has that unit, too. A trajectory in KITTI's format
    needs one pose per depth map. A TUM trajectory may have fewer: frames without a pose at their time are left out.
    """

    clip: Positional[Path]
    """A video of any format, or a folder of frames: the same frames that the depth maps show, all of them."""
    depth: Path
    """Folder with one depth map per frame, as `egodepth video` and `egodepth predict` write them: NPZ (with its
    confidence and expected error, if it has them), or else 16-bit PNG. They are sorted by name."""
    trajectory: Path
    """World-from-camera poses in KITTI's format (12 numbers a line) or TUM's (8 numbers a line)."""
    out: Path
    """The PLY file to write."""
    camera: Path | None = None
    """Camera file: camera.json, or one of OpenCV, ROS, COLMAP, KITTI, Kalibr, ORB-SLAM and others (docs/cameras.md). A
    camera file beside the frames is found by itself; `egodepth video` writes one to OUT/frames. If the lens has
    distortion, the depth must belong to the undistorted frames, as that of `egodepth video` does."""
    fov_deg: float | None = None
    """Horizontal field of view in degrees."""
    intrinsics: tuple[float, float, float, float] | None = None
    """fx fy cx cy in pixels of the clip's frames."""
    png_scale: float | None = None
    """Divisor of the PNG values. Left out: the value in predictions.json beside them or in report.json above them."""
    longest: int = 1280
    """Longer side of the frames that points are made from, in pixels. Larger frames and depth maps are resized."""
    settings: Annotated[CloudSettings, tyro.conf.arg(name="")] = field(default_factory=CloudSettings)
    json: Path | None = None
    """Also write the figures to this JSON file."""

    def __post_init__(self) -> None:
        given = [self.camera, self.fov_deg, self.intrinsics]
        require(sum(each is not None for each in given) <= 1, "cloud: give one of --camera, --fov-deg and --intrinsics")
        require(self.fov_deg is None or 12 <= self.fov_deg <= 135, f"--fov-deg {self.fov_deg}: 12 to 135 are possible")
        require(self.png_scale is None or self.png_scale > 0, f"--png-scale {self.png_scale}: above 0")
        require(self.longest >= 64, f"--longest {self.longest}: at least 64")
        require(self.out.suffix.lower() == ".ply", f"--out {self.out}: name a file that ends in .ply")

    def __call__(self) -> None:
        """Read, fuse, write and print."""
        from egodepth.foundation.ply_files import refuse_other_cloud
        from egodepth.video.cloud.clip_cloud import CameraSource, fuse_clip
        from egodepth.video.cloud.point_cloud import write_cloud

        refuse_other_cloud(self.out)
        source = CameraSource(self.camera, self.fov_deg, self.intrinsics)
        fused = fuse_clip(self.clip, self.depth, self.trajectory, self.settings, source, self.longest, self.png_scale)
        write_cloud(self.out, fused.cloud)
        if self.json:
            write_text(self.json, json.dumps({"out": str(self.out)} | fused.figures(), indent=2) + "\n")
        if fused.frames > 1 and fused.cloud.frames.max() == 1:
            warn(
                "no point was seen in more than one frame: the camera hardly moves relative to this depth; do depth "
                "and trajectory have the same unit?"
            )
        said = f"{self.out}: {len(fused.cloud.xyz)} points from {fused.frames} frames"
        Console().print(said, soft_wrap=True, highlight=False, markup=False)
