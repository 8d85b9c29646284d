"""The one interface of every data set: a drive, which is a sequence of numbered frames of one moving camera."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from fnmatch import fnmatch
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from egodepth.config import Truth
from egodepth.data.batch import DepthSample
from egodepth.foundation.errors import InputError
from egodepth.geometry.camera import Camera


class Drive(ABC):
    """Numbered frames of one camera. Consecutive numbers are neighbours in time; gaps are allowed.

    A reader sets the attributes when it is opened. It lists files, but decodes no image beyond the first. It reads
    single frames on request. Every `read_...` raises an `InputError` that names the unusable file.

    Cameras and the partner's pose are float32 here, because they become part of batches with images and depths.
    """

    name: str
    """Unique name within the data set; for KITTI `2011_09_26_drive_0001_sync/image_02`."""
    frames: Sequence[int]
    """Numbers of the existing frames, ascending. Readers store runs of consecutive numbers (`FrameNumbers`)."""
    size: tuple[int, int]
    """(height, width) of the images as stored."""
    camera: Camera
    """Unbatched: focal and centre have shape (2,), float32."""
    partner_camera: Camera | None = None
    """Camera of the stereo partner; None without one."""
    partner_from_self: Float[np.ndarray, "4 4"] | None = None
    """Pose of the stereo partner: maps points from this camera's axes to the partner's, metres, float32."""
    truths: tuple[Truth, ...] = ()
    """Kinds of true depth that the reader offers; empty if there is no choice."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("camera", "partner_camera") and value is not None:
            value = Camera(value.focal.float(), value.centre.float())
        elif name == "partner_from_self" and value is not None:
            value = value.astype(np.float32)
        super().__setattr__(name, value)

    @abstractmethod
    def read_image(self, frame: int, partner: bool = False) -> UInt8[np.ndarray, "h w 3"]:
        """Return the RGB image of a frame, or the stereo partner's image of the same instant."""

    def read_tensor(self, frame: int) -> Float[Tensor, "3 h w"]:
        """Return the RGB image of a frame in [0, 1]."""
        return torch.from_numpy(self.read_image(frame)).permute(2, 0, 1).float() / 255

    @property
    def partner_frames(self) -> Sequence[int]:
        """Frames with an image of the stereo partner, ascending; this camera may lack some of them."""
        return self.frames if self.partner_camera is not None else ()

    def has_partner(self, frame: int) -> bool:
        """Whether the stereo partner has an image of this frame."""
        return frame in self.partner_frames

    @property
    def depth_frames(self) -> Sequence[int]:
        """Frames with ground truth for `read_depth`, ascending; some may have no image."""
        return ()

    def has_depth(self, frame: int) -> bool:
        """Whether `read_depth` has ground truth for this frame."""
        return frame in self.depth_frames

    def read_depth(self, frame: int) -> Float[np.ndarray, "h w"]:
        """Return the true depth of a frame in metres along the axis, 0 = unknown, float32."""
        raise InputError(f"{self.name}: no true depth in this data set")

    @property
    def has_poses(self) -> bool:
        """Whether `read_pose` has ground truth."""
        return False

    def read_pose(self, frame: int) -> Float[np.ndarray, "4 4"]:
        """Return the world-from-camera pose of a frame, metres."""
        raise InputError(f"{self.name}: no camera poses in this data set; train with --data.poses learned")

    def read_masks(self, frame: int) -> dict[str, Bool[np.ndarray, "h w"]]:
        """Return image regions at the size of the depth: `moving`, `occluded`, `textureless`; empty if unknown."""
        return {}

    def depth_sample(self, frame: int) -> DepthSample:
        """Return the frame as a sample for evaluation."""
        masks = {name: torch.from_numpy(mask) for name, mask in self.read_masks(frame).items()}
        return self.sample_with(frame, torch.from_numpy(self.read_depth(frame)))._replace(masks=masks)

    def sample_with(self, frame: int, depth: Float[Tensor, "hg wg"]) -> DepthSample:
        """Return the frame as a sample with this true depth, and without masks."""
        return DepthSample(sample_name(self, frame), self.read_tensor(frame), depth, {})


def sample_name(drive: Drive, frame: int) -> str:
    """Return the sample name of a frame."""
    return frame_name(drive.name, frame)


def frame_name(drive: str, frame: int) -> str:
    """Return the sample name of a frame of the drive with this name."""
    return f"{drive}/{frame:010d}"


def select_drives(drives: list[Drive], patterns: tuple[str, ...]) -> list[Drive]:
    """Return the drives whose name matches a glob pattern. A pattern without a match is an `InputError`."""
    for pattern in patterns:
        if not any(fnmatch(drive.name, pattern) for drive in drives):
            names = ", ".join(drive.name for drive in drives[:8])
            raise InputError(f"no drive matches '{pattern}'; there are: {names}{' ...' if len(drives) > 8 else ''}")
    return [drive for drive in drives if any(fnmatch(drive.name, pattern) for pattern in patterns)]
