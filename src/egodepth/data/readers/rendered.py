"""Read a rendered set."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, UInt8

from egodepth.data.cameras import CAMERA_FILE, read_rig
from egodepth.data.drive import Drive
from egodepth.data.images import read_rgb, read_uint16
from egodepth.data.media.frame_numbers import FrameNumbers
from egodepth.data.readers.rendered_set import (
    DEPTH,
    DEPTH_STEPS,
    IMAGES,
    MASK_BITS,
    MASKS,
    PARTNER,
    POSES_FILE,
    SPLITS,
    Description,
    read_description,
)
from egodepth.foundation.errors import InputError
from egodepth.foundation.trajectory_files import read_kitti_poses


class SyntheticDrive(Drive):
    """One drive of a rendered set: images, stereo partner, exact depth, masks and poses."""

    def __init__(self, folder: Path, name: str, description: Description):
        """Open the folder of a drive without decoding images.

        Raises:
            InputError: the folder or its camera or poses are missing or damaged.
        """
        if not folder.is_dir():
            raise InputError(
                f"{folder}: this drive is missing; finish the set with the same egodepth data render command"
            )
        self.folder, self.name = folder, name
        self.frames, self.size = FrameNumbers.of(range(description.frames)), description.size
        rig = read_rig(folder / CAMERA_FILE, self.size)
        self.camera = rig.camera
        if description.partner:
            self.partner_camera, self.partner_from_self = rig.partner_camera, rig.partner_from_self
        self._poses = _read_poses(folder / POSES_FILE, description.frames)

    def read_image(self, frame: int, partner: bool = False) -> UInt8[np.ndarray, "h w 3"]:
        """Return the RGB image of a frame, or the stereo partner's of the same instant."""
        if partner and self.partner_camera is None:
            raise InputError(f"{self.name}: rendered without the stereo partner; render a set with it")
        return self._read_rgb(PARTNER if partner else IMAGES, frame)

    @property
    def depth_frames(self) -> Sequence[int]:
        """Every frame."""
        return self.frames

    def read_depth(self, frame: int) -> Float[np.ndarray, "h w"]:
        """Return the true depth in metres along the axis, 0 in the sky, in steps of 1/256 m."""
        path = self._path(DEPTH, frame)
        return self._checked(read_uint16(path), path).astype(np.float32) / np.float32(DEPTH_STEPS)

    def read_masks(self, frame: int) -> dict[str, Bool[np.ndarray, "h w"]]:
        """Return `moving`, `occluded` and `textureless`; see `egodepth.synthetic.masks`."""
        bits = self._read_rgb(MASKS, frame)[..., 0]
        return {name: (bits & bit) > 0 for name, bit in MASK_BITS.items()}

    @property
    def has_poses(self) -> bool:
        """Always true."""
        return True

    def read_pose(self, frame: int) -> Float[np.ndarray, "4 4"]:
        """Return the world-from-camera pose of a frame, metres."""
        if not self.has_depth(frame):
            raise InputError(f"{self.folder / POSES_FILE}: no frame {frame}; there are 0 to {len(self.frames) - 1}")
        return self._poses[frame]

    def _path(self, kind: str, frame: int) -> Path:
        return self.folder / kind / f"{frame:06d}.png"

    def _read_rgb(self, kind: str, frame: int) -> UInt8[np.ndarray, "h w 3"]:
        path = self._path(kind, frame)
        return self._checked(read_rgb(path), path)

    def _checked(self, image: np.ndarray, path: Path) -> np.ndarray:
        if image.shape[:2] != self.size:
            raise InputError(
                f"{path}: {image.shape[1]}x{image.shape[0]} where dataset.json says {self.size[1]}x{self.size[0]}; "
                "delete its drive and run the same egodepth data render command again"
            )
        return image


def open_synthetic(root: Path, split: str) -> list[Drive]:
    """Return the drives of one split (`train`, `val` or `test`), named `train/drive_0003` and so on.

    Raises:
        InputError: not a rendered set, an unknown split, or a drive that is missing or damaged.
    """
    if split not in SPLITS:
        raise InputError(f"{root}: no split '{split}'; choose from {', '.join(SPLITS)}")
    description = read_description(root)
    folders = description.folders(root, split)
    return [SyntheticDrive(folder, f"{split}/{folder.name}", description) for folder in folders]


def _read_poses(path: Path, frames: int) -> Float[np.ndarray, "n 4 4"]:
    """Return the world-from-camera pose of every frame."""
    try:
        poses = read_kitti_poses(path)
    except InputError:
        poses = np.empty((0, 4, 4))
    if len(poses) != frames:
        raise InputError(
            f"{path}: missing or damaged, {frames} lines of 12 numbers are expected; delete its drive and run the same "
            "egodepth data render command again"
        )
    return poses
