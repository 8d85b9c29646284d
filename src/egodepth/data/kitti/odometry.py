"""KITTI's odometry sequences: sequences/NN/calib.txt, image_0 to image_3, and poses/NN.txt for 00 to 10."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float64, UInt8

from egodepth.data.cameras import check_camera
from egodepth.data.drive import Drive
from egodepth.data.kitti.calibration import CalibrationFile, translation_of
from egodepth.data.media.frames import FEW_HEADERS, FrameFolder
from egodepth.foundation.errors import InputError
from egodepth.foundation.trajectory_files import read_kitti_poses
from egodepth.geometry.camera import Camera

CALIBRATION = "calib.txt"
_PARTNERS = {0: 1, 1: 0, 2: 3, 3: 2}
"""The other camera of each grey or colour pair."""


class OdometryDrive(Drive):
    """One camera of one sequence: 0 and 1 are grey, 2 and 3 colour; 0 and 2 are left.

    The name is such as `06/image_2`. The true poses belong to the left grey camera and are moved to this camera.
    """

    def __init__(self, folder: Path, camera: int) -> None:
        """Open the folder of a sequence.

        Raises:
            InputError: no usable calibration, no frames, or poses for another number of frames.
        """
        self.name = f"{folder.name}/image_{camera}"
        self._images = FrameFolder.open(folder / f"image_{camera}", headers=FEW_HEADERS, exact=True)
        self.frames, self.size = self._images.files.numbers, self._images.size
        self._file = CalibrationFile.read(folder / CALIBRATION)
        self.camera = self._pinhole(camera)
        self._from_grey = self._shift_from_grey(camera)
        other = _PARTNERS[camera]
        path = folder / f"image_{other}"
        self._partner = FrameFolder.open(path, headers=FEW_HEADERS, exact=True) if path.is_dir() else None
        if self._partner is not None:
            self.partner_camera = self._pinhole(other)
            self.partner_from_self = self._shift_from_grey(other) @ np.linalg.inv(self._from_grey)
        self._poses_file = folder.parent.parent / "poses" / f"{folder.name}.txt"
        self._poses: Float64[np.ndarray, "n 4 4"] | None = None

    def read_image(self, frame: int, partner: bool = False) -> UInt8[np.ndarray, "h w 3"]:
        """Return the RGB image of a frame, or the partner's. Grey images have three equal channels."""
        images = self._partner if partner else self._images
        if images is None:
            raise InputError(f"{self.name}: the sequence lacks the other camera's images; unpack them")
        return images.read(frame)

    @property
    def partner_frames(self) -> Sequence[int]:
        """Frames with an image of the other camera."""
        return self._partner.files.numbers if self._partner else ()

    @property
    def has_poses(self) -> bool:
        """Whether true poses exist. KITTI does not publish those of sequences 11 to 21."""
        return self._poses_file.is_file()

    def read_pose(self, frame: int) -> Float64[np.ndarray, "4 4"]:
        """Return the world-from-camera pose of a frame, metres."""
        if self._poses is None:
            if not self.has_poses:
                raise InputError(f"{self._poses_file}: no true poses; unpack KITTI's data_odometry_poses.zip there")
            self._poses = read_kitti_poses(self._poses_file)
        if frame >= len(self._poses):
            raise InputError(f"{self._poses_file}: {len(self._poses)} poses, none of frame {frame}; unpack it again")
        return self._poses[frame] @ np.linalg.inv(self._from_grey)

    def _pinhole(self, camera: int) -> Camera:
        matrix = torch.from_numpy(self._file(f"P{camera}", (3, 4))[:, :3].copy())
        return check_camera(Camera.from_pixels(matrix, self.size), self.size, self._file.path)

    def _shift_from_grey(self, camera: int) -> Float64[np.ndarray, "4 4"]:
        """Return the pose from the left grey camera's axes to this camera's: the t of P = K [I | t]."""
        pose = np.eye(4)
        pose[:3, 3] = translation_of(self._file(f"P{camera}", (3, 4)), self._file.path)
        return pose


def is_kitti_odometry(root: str | Path) -> bool:
    """Whether to try `open_kitti_odometry`."""
    return bool(_sequence_folders(Path(root)))


def open_kitti_odometry(root: str | Path) -> list[Drive]:
    """Return every sequence below a root, one drive per camera.

    Raises:
        InputError: no sequence with images.
    """
    drives: list[Drive] = [
        OdometryDrive(folder, camera)
        for folder in _sequence_folders(Path(root))
        for camera in _PARTNERS
        if (folder / f"image_{camera}").is_dir()
    ]
    if not drives:
        raise InputError(f"{root}: sequences without images (sequences/00/image_2); unpack data_odometry_color.zip")
    return drives


def _sequence_folders(root: Path) -> list[Path]:
    """Return the folders of sequences: in the root, in its `sequences`, or the root itself."""
    root = root.resolve()
    candidates = [root, *root.glob("*"), *root.glob("sequences/*")]
    return sorted(path for path in candidates if path.name.isdecimal() and (path / CALIBRATION).is_file())
