"""A plain folder of frames with a camera file: the reader for any recording."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from egodepth.data.cameras import CAMERA_FILE, check_aspect, find_camera_file, read_lens_rig
from egodepth.data.drive import Drive
from egodepth.data.media.frames import FrameFolder
from egodepth.data.media.undistortion import Undistortion
from egodepth.foundation.errors import InputError

PARTNER_FOLDER = "partner"


class FolderDrive(Drive):
    """Images of one folder in natural order, their camera file, and optionally the other camera's images in `partner/`.

    Frame numbers come from the file names (see `number_files`), so a missing file is a gap. If the camera file has
    distortion, frames are undistorted as they are read, and `camera` is the pinhole camera of the undistorted frames.
    """

    def __init__(self, folder: str | Path, camera_file: str | Path | None = None, name: str | None = None) -> None:
        """Open a folder.

        Args:
            folder: the folder of the images.
            camera_file: the camera file. By default, and if it is a missing `camera.json`: the one in the folder or its
                parent (see `cameras`).
            name: the name of the drive; by default the folder's.

        Raises:
            InputError: a missing or empty folder, frames of different sizes, or no usable camera file.
        """
        folder = Path(folder)
        camera_file = Path(camera_file or folder / CAMERA_FILE)
        if camera_file.name == CAMERA_FILE and not camera_file.is_file():
            camera_file = find_camera_file(camera_file.parent, folder.resolve().parent)
        self._images = FrameFolder.open(folder)
        self.name = name or folder.resolve().name
        self.frames = self._images.files.numbers
        self.size = self._images.size
        (self.camera, partner_camera, partner_from_self), lens = read_lens_rig(camera_file, self.size)
        self._undistortion = Undistortion.of(self.camera, lens, self.size, camera_file) if lens else None
        if self._undistortion:
            self.camera = self._undistortion.camera
        self._partner = None
        if (folder / PARTNER_FOLDER).is_dir():
            if partner_camera is None:
                raise InputError(
                    f'{camera_file}: no stereo partner; add "partner": {{"baseline_m": 0.54}} in metres'
                    + (f" to a {CAMERA_FILE}" if camera_file.suffix != ".json" else "")
                )
            self._partner = FrameFolder.open(folder / PARTNER_FOLDER, beside=self._images)
            check_aspect(self.size, self._partner.size, camera_file)
            self.partner_camera, self.partner_from_self = partner_camera, partner_from_self

    def read_image(self, frame: int, partner: bool = False) -> UInt8[np.ndarray, "h w 3"]:
        """Return the RGB image of a frame, or the stereo partner's."""
        images = self._partner if partner else self._images
        if images is None:
            raise InputError(f"{self.name}: no stereo partner; put its frames into a folder '{PARTNER_FOLDER}'")
        return self.undistorted(images.read(frame))

    def undistorted(self, image: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h w 3"]:
        """Undistort an image of this camera and size; without distortion the image is returned as it is."""
        return self._undistortion(image) if self._undistortion else image

    def pinhole_file(self, frame: int) -> Path | None:
        """Return the file of a frame whose camera is `camera`; None if frames are undistorted as they are read."""
        return None if self._undistortion else self._images.path(frame)

    @property
    def partner_frames(self) -> Sequence[int]:
        """Frames with a partner image."""
        return self._partner.files.numbers if self._partner else ()
