"""KITTI's raw recordings: DATE/calib_*.txt and DATE/DATE_drive_NNNN_sync/image_02/data/0000000000.png or .jpg."""

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import numpy as np
from jaxtyping import Float, Float32, UInt8

from egodepth.config import Truth
from egodepth.data.cameras import check_aspect
from egodepth.data.drive import Drive
from egodepth.data.images import read_uint16
from egodepth.data.kitti.calibration import CAM_TO_CAM, Calibration
from egodepth.data.kitti.depth_cache import cached_depth_map
from egodepth.data.kitti.lists import DRIVE_NAME
from egodepth.data.media.frames import FEW_HEADERS, FrameFolder, NumberedNames, list_images
from egodepth.foundation.errors import InputError


class KittiDrive(Drive):
    """One colour camera of one raw drive, with the true calibration of its date.

    The partner is the other colour camera, if the drive has it. True depth has the calibration's image size, even if
    the images were resized.
    """

    truths = get_args(Truth)

    def __init__(
        self, folder: str | Path, camera: int = 2, truth: Truth = "lidar", improved_dir: str | Path | None = None
    ) -> None:
        """Open a drive.

        Args:
            folder: the folder of the drive; the calibration files are in its parent.
            camera: 2 (left) or 3 (right).
            truth: scans as published (`eigen`), scans along the camera's axis (`eigen-z`), or the improved maps.
            improved_dir: folder of the improved maps (with `train` and `val`), for that truth.

        Raises:
            InputError: no usable calibration, no frames, or frames of another shape than the calibration's.
        """
        folder = Path(folder)
        if truth == "improved" and improved_dir is None:
            raise InputError(f"{folder}: improved depth maps need their folder, the one that holds 'train' and 'val'")
        calibration = Calibration.read(folder.parent)
        self._images = FrameFolder.open(folder / f"image_{camera:02d}" / "data", headers=FEW_HEADERS, exact=True)
        self.name = f"{folder.resolve().name}/image_{camera:02d}"
        self.frames = self._images.files.numbers
        self.size = self._images.size
        self.camera = calibration.camera(camera)
        check_aspect(calibration.size(camera), self.size, calibration.cam_to_cam.path)
        self._calibration_dir, self._camera, self._truth = folder.parent, camera, truth
        self._open_partner(folder, calibration)
        self._depth_files = _depth_files(folder, camera, truth, improved_dir)

    def _open_partner(self, folder: Path, calibration: Calibration) -> None:
        other = 5 - self._camera
        path = folder / f"image_{other:02d}" / "data"
        self._partner = FrameFolder.open(path, headers=FEW_HEADERS, exact=True) if path.is_dir() else None
        if self._partner is not None:
            check_aspect(calibration.size(other), self._partner.size, calibration.cam_to_cam.path)
            self.partner_camera = calibration.camera(other)
            self.partner_from_self = calibration.other_from_self(self._camera, other)

    def read_image(self, frame: int, partner: bool = False) -> UInt8[np.ndarray, "h w 3"]:
        """Return the RGB image of a frame, or the other colour camera's."""
        images = self._partner if partner else self._images
        if images is None:
            raise InputError(
                f"{self.name}: the drive lacks image_{5 - self._camera:02d}; unpack it, or train without stereo"
            )
        return images.read(frame)

    @property
    def partner_frames(self) -> Sequence[int]:
        """Frames with an image of the other colour camera."""
        return self._partner.files.numbers if self._partner else ()

    @property
    def depth_frames(self) -> Sequence[int]:
        """Frames with a scan, or with an improved map."""
        return self._depth_files.numbers

    def read_depth(self, frame: int) -> Float[np.ndarray, "h w"]:
        """Return the depth in metres, 0 = unknown, float32, from the chosen ground truth."""
        if frame not in self._depth_files:
            raise InputError(
                f"{self.name}: frame {frame} has no true depth; unpack velodyne_points or the improved maps"
            )
        file = Path(self._depth_files[frame])
        if self._truth == "improved":
            return improved_depth_map(file)
        variant = "eigen" if self._truth == "lidar" else "eigen-z"
        return cached_depth_map(self._calibration_dir, file, self._camera, variant)


def improved_depth_map(path: str | Path) -> Float32[np.ndarray, "h w"]:
    """Return filtered LiDAR depth (Uhrig et al. 2017) from a 16-bit PNG: metres = value / 256, 0 = unknown."""
    return read_uint16(path).astype(np.float32) / 256


def is_kitti_raw(root: str | Path) -> bool:
    """Whether to try `open_kitti_raw`: for a drive, a date with its calibration, or a folder of dates."""
    root = Path(root)
    if DRIVE_NAME.fullmatch(root.resolve().name):
        return True
    names = [path.name for pattern in ("*", "*/*") for path in root.glob(pattern)]
    if any(DRIVE_NAME.match(name) for name in names):
        return True
    # Frames beside the calibration file are a clip of their own, with the camera of that file.
    dates = [file.parent for file in (root / CAM_TO_CAM, *root.glob(f"*/{CAM_TO_CAM}")) if file.is_file()]
    return any(not list_images(date) for date in dates)


def open_kitti_raw(root: str | Path, truth: Truth = "lidar", improved_dir: str | Path | None = None) -> list[Drive]:
    """Return all drives below a raw root, a date's folder or a drive's folder, one per colour camera.

    Raises:
        InputError: no drive with colour images, or zip files that are still packed.
    """
    root = Path(root)
    levels = [[root.resolve()], sorted(root.iterdir()), sorted(root.glob("*/*"))]
    folders = [path for level in levels for path in level if DRIVE_NAME.fullmatch(path.name) and path.is_dir()]
    drives: list[Drive] = [
        KittiDrive(folder, camera, truth, improved_dir)
        for folder in folders
        for camera in (2, 3)
        if (folder / f"image_{camera:02d}" / "data").is_dir()
    ]
    if not drives:
        packed = next((path for path in [*root.glob("*.zip"), *root.glob("*/*.zip")]), None)
        if packed:
            raise InputError(f"{packed}: still packed; unpack KITTI's zip files in their folder (unzip '*.zip')")
        raise InputError(
            f"{root}: no KITTI drive with colour images (DATE_drive_NNNN_sync/image_02/data); unpack one there"
        )
    return drives


def _depth_files(folder: Path, camera: int, truth: Truth, improved_dir: str | Path | None) -> NumberedNames:
    """Return the files of true depth by frame number."""
    if truth == "improved" and improved_dir is not None:
        name = folder.resolve().name
        found = Path(improved_dir).glob(f"*/{name}/proj_depth/groundtruth/image_{camera:02d}/*.png")
    else:
        found = (folder / "velodyne_points" / "data").glob("*.bin")
    return NumberedNames({int(path.stem): str(path) for path in sorted(found) if path.stem.isdigit()})
