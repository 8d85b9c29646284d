"""KITTI's calibration files of one recording date (Geiger et al. 2013, section III)."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float64

from egodepth.data.cameras import check_camera
from egodepth.data.images import MAX_PIXELS
from egodepth.foundation.errors import InputError
from egodepth.foundation.reading import read_lines
from egodepth.geometry.camera import Camera

CAM_TO_CAM = "calib_cam_to_cam.txt"
VELO_TO_CAM = "calib_velo_to_cam.txt"
_LARGEST = 1e9
"""Largest possible number in a calibration, in metres or pixels."""
_FARTHEST_M = 1e3
"""Largest possible distance between two cameras of a car."""


def kitti_average_camera(size: tuple[int, int]) -> Camera:
    """Return the one camera that Godard et al. 2019 use for all of KITTI, for images of size (height, width).

    Its focal length is 0.58 of the width and 1.92 of the height. Its centre is at pixel (width / 2, height / 2), with
    pixels counted from 0: half a pixel right of and below the image centre.
    """
    height, width = size
    matrix = torch.tensor([[0.58 * width, 0, width / 2], [0, 1.92 * height, height / 2], [0, 0, 1]])
    return Camera.from_pixels(matrix, size)


@dataclass(frozen=True)
class CalibrationFile:
    """The numbers of a `key: values` text file, in double precision."""

    path: Path
    values: dict[str, Float64[np.ndarray, " n"]]

    @classmethod
    def read(cls, path: str | Path) -> "CalibrationFile":
        """Parse the lines with numbers; a missing or unreadable file is an `InputError`."""
        path = Path(path)
        try:
            lines = read_lines(path)
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: cannot be read; unpack KITTI's calibration files of this date there") from error
        values: dict[str, Float64[np.ndarray, " n"]] = {}
        for line in lines:
            key, _, numbers = line.partition(":")
            try:
                values[key.strip()] = np.array([float(number) for number in numbers.split()])
            except ValueError:
                continue  # `calib_time` holds a date
        return cls(path, values)

    def __call__(self, key: str, shape: tuple[int, ...]) -> Float64[np.ndarray, "..."]:
        """Return the numbers of a key; a missing key or a wrong count of numbers is an `InputError`."""
        values = self.values.get(key)
        if values is None or values.size != int(np.prod(shape)) or not (np.abs(values) < _LARGEST).all():
            raise InputError(f"{self.path}: no valid '{key}'; unpack KITTI's calibration files of this date again")
        return values.reshape(shape)


@dataclass(frozen=True)
class Calibration:
    """The rectified colour cameras (2 left, 3 right) of a recording date.

    Rectified coordinates are those of grey camera 0 after `R_rect_00`. Camera c projects them with the 3x4 matrix
    P_rect_0c = K [I | t], so its axes are parallel and shifted by t.
    """

    folder: Path
    cam_to_cam: CalibrationFile

    @classmethod
    def read(cls, folder: str | Path) -> "Calibration":
        """Read the folder of a date; `InputError` if the camera file is missing."""
        return cls(Path(folder), CalibrationFile.read(Path(folder) / CAM_TO_CAM))

    def size(self, camera: int) -> tuple[int, int]:
        """Return the (height, width) of the rectified images."""
        width, height = self.cam_to_cam(f"S_rect_{camera:02d}", (2,))
        if not (width >= 1 and height >= 1 and width * height <= MAX_PIXELS):
            raise InputError(f"{self.cam_to_cam.path}: images of {width:g}x{height:g}; unpack the calibration again")
        return int(height), int(width)

    def projection(self, camera: int) -> Float64[np.ndarray, "3 4"]:
        """Return P_rect, which maps rectified coordinates in metres to pixels (the first pixel's centre is 0)."""
        return self.cam_to_cam(f"P_rect_{camera:02d}", (3, 4))

    def camera(self, camera: int) -> Camera:
        """Return the intrinsics in double precision; implausible ones are an `InputError`."""
        matrix = torch.from_numpy(self.projection(camera)[:, :3].copy())
        return check_camera(Camera.from_pixels(matrix, self.size(camera)), self.size(camera), self.cam_to_cam.path)

    def other_from_self(self, camera: int, other: int) -> Float64[np.ndarray, "4 4"]:
        """Return the pose that maps points from `camera`'s axes to `other`'s, metres."""
        pose = np.eye(4)
        pose[:3, 3] = self._shift(other) - self._shift(camera)
        return pose

    def rectified_from_velodyne(self) -> Float64[np.ndarray, "4 4"]:
        """Return the pose from LiDAR axes (x forward, y left, z up) to rectified axes: R_rect_00 after R | T."""
        file = CalibrationFile.read(self.folder / VELO_TO_CAM)
        rigid, rotation = np.eye(4), np.eye(4)
        rigid[:3, :3], rigid[:3, 3] = file("R", (3, 3)), file("T", (3,))
        rotation[:3, :3] = self.cam_to_cam("R_rect_00", (3, 3))
        return rotation @ rigid

    def _shift(self, camera: int) -> Float64[np.ndarray, " 3"]:
        """Return the t of P_rect = K [I | t]."""
        return translation_of(self.projection(camera), self.cam_to_cam.path)


def translation_of(projection: Float64[np.ndarray, "3 4"], source: Path) -> Float64[np.ndarray, " 3"]:
    """Return the t of P = K [I | t], metres; an `InputError` names `source` if there is none."""
    try:
        found = np.linalg.solve(projection[:, :3], projection[:, 3])
    except np.linalg.LinAlgError:
        found = np.full(3, np.inf)
    if not (np.abs(found) < _FARTHEST_M).all():
        raise InputError(f"{source}: a projection matrix of no camera; unpack the calibration again")
    return found
