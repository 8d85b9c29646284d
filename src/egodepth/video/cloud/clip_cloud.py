"""Fuse existing depth maps along an existing trajectory into one point cloud."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float64, UInt8
from torch.nn.functional import interpolate

from egodepth.data.cameras import check_camera, find_camera_file, horizontal_fov_deg, read_lens_rig
from egodepth.data.footage.extract import output_size
from egodepth.data.footage.source import Footage, open_footage
from egodepth.data.images import resize_rgb
from egodepth.data.media.undistortion import Undistortion
from egodepth.foundation.errors import InputError, require
from egodepth.foundation.progress import counting_bar
from egodepth.geometry import Camera
from egodepth.geometry.distortion import Lens
from egodepth.inference.predictor import at_size
from egodepth.video.cloud.fusion import fuse
from egodepth.video.cloud.inputs import DepthMap, DepthMaps, TrajectoryFile
from egodepth.video.cloud.point_cloud import Cloud, CloudFrame
from egodepth.video.cloud.settings import CloudSettings

_FINER = 2
"""Factor on the size of small depth maps for making points, as in `egodepth video`: colours are finer than depth."""


class CameraSource(NamedTuple):
    """The camera of a clip: one of the fields, or the file beside the frames."""

    file: Path | None = None
    fov_deg: float | None = None
    """Horizontal field of view in degrees."""
    intrinsics: tuple[float, float, float, float] | None = None
    """fx fy cx cy in pixels of the clip's frames."""


class FusedClip(NamedTuple):
    """A point cloud and its sources."""

    cloud: Cloud
    camera: Camera
    frames: int
    """Number of frames with a pose."""
    left_out: int
    """Number of frames without a pose."""

    def figures(self) -> dict[str, Any]:
        """Return the figures as JSON values."""
        cloud = self.cloud
        return {
            "points": len(cloud.xyz),
            "frames": self.frames,
            "frames_without_pose": self.left_out,
            "median_frames_of_a_point": float(np.median(cloud.frames)),
            "voxel": cloud.voxel,
            "extent": {"least": cloud.xyz.min(0).tolist(), "most": cloud.xyz.max(0).tolist()},
            "fov_deg": horizontal_fov_deg(self.camera),
        }


def fuse_clip(
    clip: Path,
    depth: Path,
    trajectory: Path,
    settings: CloudSettings,
    source: CameraSource,
    longest: int = 1280,
    png_scale: float | None = None,
) -> FusedClip:
    """Fuse the depth maps of a clip along a trajectory.

    Args:
        clip: a video, or a folder of frames.
        depth: folder with a depth map of each frame, sorted by name.
        trajectory: world-from-camera poses in KITTI's or TUM's format.
        settings: the cleaning of the cloud.
        source: the camera.
        longest: longer side of the images for making points, in pixels.
        png_scale: divisor of the PNG values; None: as written beside them.

    Raises:
        InputError: files that do not match or cannot be read, an unknown camera, or no point left.
    """
    footage = open_footage(clip)
    maps, poses = DepthMaps.open(depth, clip, png_scale), TrajectoryFile.read(trajectory)
    poses.check(len(maps.files))
    size = output_size(footage.size, footage.pixel_aspect, longest)
    camera, undistortion = _camera(source, footage, size)
    frames = _Frames(footage, maps, poses, size, undistortion)
    cloud = fuse(frames, camera, settings)
    require(frames.used > 0, f"{trajectory}: none of its poses is of a time of {clip}; frames begin at 0 s")
    require(
        len(cloud.xyz) > 0,
        f"{clip}: no point is left that the frames agree on; give depth and trajectory in one unit, the right "
        "camera, or ask for less: --min-confidence 0, --max-error inf, --agreeing 0, --far inf",
    )
    return FusedClip(cloud, camera, frames.used, frames.left_out)


def _camera(source: CameraSource, footage: Footage, size: tuple[int, int]) -> tuple[Camera, Undistortion | None]:
    """Return the camera of the frames at their working size, and the undistortion of its lens, if there is any.

    Args:
        source: the given camera.
        footage: the clip.
        size: the working (height, width) of its frames.
    """
    if source.fov_deg is not None:
        return Camera.from_fov(source.fov_deg, size), None
    if source.intrinsics is not None:
        fx, fy, cx, cy = source.intrinsics
        camera = Camera.from_pixels(torch.tensor([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]]), footage.size)
        return check_camera(camera, size, "--intrinsics"), None
    file = source.file
    if file is None and (stated := footage.camera()):
        return _straight(stated.camera, stated.lens, size, stated.said)
    if file is None and footage.path.is_dir():
        file = find_camera_file(footage.path, footage.path.resolve().parent)
    if file is None or (source.file is None and not file.is_file()):
        raise InputError(f"{footage.path}: its camera is not known; give --camera FILE, --fov-deg F or --intrinsics")
    rig, lens = read_lens_rig(file, footage.size)
    return _straight(rig.camera, lens, size, file)


def _straight(
    camera: Camera, lens: Lens | None, size: tuple[int, int], source: str | Path
) -> tuple[Camera, Undistortion | None]:
    """Return the pinhole camera of the undistorted frames, and the undistortion."""
    if lens is None:
        return camera, None
    undistortion = Undistortion.of(camera, lens, size, source)
    return undistortion.camera, undistortion


class _Frames:
    """Iterate over the frames of a clip with their depth and pose; none of them is kept."""

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
        """Number of frames with and without a pose, so far."""
        # Check early what is known without reading; unreadable files are found only when they are reached.
        if footage.path.is_dir() and footage.expected is not None and footage.expected < len(maps.files):
            raise self._different(str(footage.expected))

    def __iter__(self) -> Iterator[CloudFrame]:
        """Yield the frames in order; `InputError` if the number of depth maps or the shape of one differs."""
        count, place, shape = len(self._maps.files), -1, None
        with counting_bar() as bar:
            for place, (seconds, image) in enumerate(bar.track(self._pictures(), count, description="Fusing")):
                if place == count:
                    raise self._different(f"more than {count}")
                pose = self._trajectory.at(place, count, seconds, 1 / self._footage.rate)
                if pose is None:
                    self.left_out += 1
                    continue
                maps = self._maps.read(place)
                shape = shape or maps.depth.shape
                require(
                    maps.depth.shape == shape,
                    f"{self._maps.files[place]}: {maps.depth.shape} where the others are {shape}; give one shape",
                )
                self.used += 1
                yield _cloud_frame(self._prepared(image), maps, pose)
        if place + 1 < count:
            raise self._different(str(place + 1))

    def _pictures(self) -> Iterator[tuple[float, UInt8[np.ndarray, "h w 3"]]]:
        """Yield times and frames. Unreadable frames are skipped, as when depth was written."""
        for picture in self._footage.pictures():
            if picture.image is not None and picture.image.shape[:2] == self._footage.size:
                yield picture.seconds, picture.image

    def _prepared(self, image: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h w 3"]:
        image = resize_rgb(image, self._size)
        return self._undistortion(image) if self._undistortion else image

    def _different(self, frames: str) -> InputError:
        maps = len(self._maps.files)
        return InputError(f"{self._footage.path}: {frames} frames, but {maps} depth maps; give one for each frame")


def _cloud_frame(image: UInt8[np.ndarray, "h w 3"], read: DepthMap, pose: Float64[np.ndarray, "4 4"]) -> CloudFrame:
    """Bring all inputs to one size: enlarge small depth maps, and reduce larger ones to the size of the frame."""
    size, small = (image.shape[0], image.shape[1]), read.depth.shape
    maps = torch.from_numpy(np.stack([1 / read.depth, read.confidence, read.expected_error]))
    if small[0] >= size[0] and small[1] >= size[1]:
        # No averaging: it would mix two surfaces at edges, and known with unknown depth.
        maps = interpolate(maps[None], size, mode="nearest-exact")[0]
    else:
        size = (_FINER * small[0], _FINER * small[1])
        # Unknown depth is NaN, and so is every mean with it.
        maps = at_size(maps, size)
    inverse_depth, confidence, error = maps.numpy()
    return CloudFrame(resize_rgb(image, size), 1 / inverse_depth, confidence, pose, error)
