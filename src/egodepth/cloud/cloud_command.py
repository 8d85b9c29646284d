"""`egodepth cloud CLIP`: one point cloud from depth maps and a trajectory that are there already."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import tyro
from jaxtyping import Float32, Float64, UInt8
from rich.console import Console
from torch.nn.functional import interpolate
from tyro.conf import Positional

from egodepth.cloud.fusion import fuse
from egodepth.cloud.reading import DepthMaps, TrajectoryFile
from egodepth.cloud.types import Cloud, CloudFrame, CloudSettings
from egodepth.cloud.writing import write_cloud
from egodepth.data.cameras import check_camera, find_camera_file, horizontal_fov_deg, read_lens_rig
from egodepth.data.footage.extract import output_size
from egodepth.data.footage.source import Footage, open_footage
from egodepth.data.images import resize_rgb
from egodepth.data.undistortion import Undistortion
from egodepth.errors import InputError, require
from egodepth.files import write_text
from egodepth.geometry import Camera
from egodepth.ply_files import refuse_other_cloud
from egodepth.predictor import at_size
from egodepth.progress import counting_bar

_FINER = 2
"""Points are made of small depth maps so many times as large, as in `egodepth video`: colours are finer than depth."""


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
        refuse_other_cloud(self.out)
        footage = open_footage(self.clip)
        maps, trajectory = DepthMaps.open(self.depth, self.clip, self.png_scale), TrajectoryFile.read(self.trajectory)
        trajectory.check(len(maps.files))
        size = output_size(footage.size, footage.pixel_aspect, self.longest)
        camera, undistortion = self._camera(footage, size)
        frames = _Frames(footage, maps, trajectory, size, undistortion)
        cloud = fuse(frames, camera, self.settings)
        require(
            frames.used > 0, f"{self.trajectory}: none of its poses is of a time of {self.clip}; frames begin at 0 s"
        )
        require(
            len(cloud.xyz) > 0,
            f"{self.clip}: no point is left that the frames agree on; give depth and trajectory in one unit, the right "
            "camera, or ask for less: --min-confidence 0, --agreeing 0, --far inf",
        )
        write_cloud(self.out, cloud)
        if self.json:
            write_text(self.json, json.dumps(self._figures(cloud, frames, camera), indent=2) + "\n")
        self._say(cloud, frames.used)

    def _say(self, cloud: Cloud, frames: int) -> None:
        """The result on standard output; what to mind on standard error."""
        if frames > 1 and cloud.frames.max() == 1:
            line = "no point is of more than one frame: the camera hardly moves for this depth; are both in one unit?"
            Console(stderr=True).print(f"[yellow]{line}[/]", highlight=False, soft_wrap=True)
        said = f"{self.out}: {len(cloud.xyz)} points of {frames} frames"
        Console().print(said, soft_wrap=True, highlight=False, markup=False)

    def _camera(self, footage: Footage, size: tuple[int, int]) -> tuple[Camera, Undistortion | None]:
        """The camera of the frames at their working size, and what undoes the distortion of its lens, if there is any.

        Args:
            footage: the clip.
            size: (height, width) at which its frames are worked on.
        """
        if self.fov_deg is not None:
            return Camera.from_fov(self.fov_deg, size), None
        if self.intrinsics is not None:
            fx, fy, cx, cy = self.intrinsics
            camera = Camera.from_pixels(torch.tensor([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]]), footage.size)
            return check_camera(camera, size, "--intrinsics"), None
        file = self.camera
        if file is None and self.clip.is_dir():
            file = find_camera_file(self.clip, self.clip.resolve().parent)
        if file is None or (self.camera is None and not file.is_file()):
            raise InputError(f"{self.clip}: its camera is not known; give --camera FILE, --fov-deg F or --intrinsics")
        rig, lens = read_lens_rig(file, footage.size)
        if lens is None:
            return rig.camera, None
        undistortion = Undistortion.of(rig.camera, lens, size, file)
        return undistortion.camera, undistortion

    def _figures(self, cloud: Cloud, frames: "_Frames", camera: Camera) -> dict[str, Any]:
        """What there is to say of the cloud, as JSON."""
        return {
            "out": str(self.out),
            "points": len(cloud.xyz),
            "frames": frames.used,
            "frames_without_pose": frames.left_out,
            "median_frames_of_a_point": float(np.median(cloud.frames)),
            "voxel": cloud.voxel,
            "extent": {"least": cloud.xyz.min(0).tolist(), "most": cloud.xyz.max(0).tolist()},
            "fov_deg": horizontal_fov_deg(camera),
        }


class _Frames:
    """The frames of a clip with their depth and pose, one after the other; none of them is kept."""

    def __init__(
        self,
        footage: Footage,
        maps: DepthMaps,
        trajectory: TrajectoryFile,
        size: tuple[int, int],
        undistortion: Undistortion | None,
    ) -> None:
        self._footage, self._maps, self._trajectory = footage, maps, trajectory
        self._size, self._undistortion = size, undistortion
        self.used, self.left_out = 0, 0
        """Frames with and without a pose, so far."""
        # What can be told before an hour's work: files that cannot be read are found out only when they are reached.
        if footage.path.is_dir() and footage.expected is not None and footage.expected < len(maps.files):
            raise self._different(str(footage.expected))

    def __iter__(self) -> Iterator[CloudFrame]:
        """Them in order; `InputError` where there are not as many depth maps, or one has another shape."""
        count, place, shape = len(self._maps.files), -1, None
        with counting_bar() as bar:
            for place, (seconds, image) in enumerate(bar.track(self._pictures(), count, description="Fusing")):
                if place == count:
                    raise self._different(f"more than {count}")
                pose = self._trajectory.at(place, count, seconds, 1 / self._footage.rate)
                if pose is None:
                    self.left_out += 1
                    continue
                depth, confidence = self._maps.read(place)
                shape = shape or depth.shape
                require(
                    depth.shape == shape,
                    f"{self._maps.files[place]}: {depth.shape} where the others are {shape}; give maps of one shape",
                )
                self.used += 1
                yield _cloud_frame(self._prepared(image), depth, confidence, pose)
        if place + 1 < count:
            raise self._different(str(place + 1))

    def _pictures(self) -> Iterator[tuple[float, UInt8[np.ndarray, "h w 3"]]]:
        """Times and frames; those that cannot be read are passed over, as where depth is written."""
        for picture in self._footage.pictures():
            if picture.image is not None and picture.image.shape[:2] == self._footage.size:
                yield picture.seconds, picture.image

    def _prepared(self, image: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h w 3"]:
        image = resize_rgb(image, self._size)
        return self._undistortion(image) if self._undistortion else image

    def _different(self, frames: str) -> InputError:
        maps = len(self._maps.files)
        return InputError(f"{self._footage.path}: {frames} frames, but {maps} depth maps; give one for each frame")


def _cloud_frame(
    image: UInt8[np.ndarray, "h w 3"],
    depth: Float32[np.ndarray, "hd wd"],
    confidence: Float32[np.ndarray, "hd wd"],
    pose: Float64[np.ndarray, "4 4"],
) -> CloudFrame:
    """All of one size: small depth is enlarged, and what is as large as the frame is brought to its size."""
    size = (image.shape[0], image.shape[1])
    maps = torch.from_numpy(np.stack([1 / depth, confidence]))
    if depth.shape[0] >= size[0] and depth.shape[1] >= size[1]:
        # No means: they would mix two surfaces at edges, and known with unknown depth.
        maps = interpolate(maps[None], size, mode="nearest-exact")[0]
    else:
        size = (_FINER * depth.shape[0], _FINER * depth.shape[1])
        # Depth that is unknown is nan, and so is every mean with it.
        maps = at_size(maps, size)
    inverse_depth, confidence = maps.numpy()
    return CloudFrame(resize_rgb(image, size), 1 / inverse_depth, confidence, pose)
