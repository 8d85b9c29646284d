"""KITTI 2015 stereo (Menze and Geiger 2015): single frames of many drives with dense true disparity."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8

from egodepth.data.cameras import translation
from egodepth.data.drive import Drive
from egodepth.data.images import image_size, read_rgb, read_uint16
from egodepth.data.kitti.calibration import Calibration, CalibrationFile
from egodepth.data.media.frames import FrameFolder, list_images
from egodepth.foundation.errors import InputError
from egodepth.geometry.camera import Camera

CAMERAS = {
    (375, 1242): (721.5377, 609.5593, 172.8540, 0.5327),
    (370, 1226): (707.0912, 601.8873, 183.1104, 0.5379),
    (376, 1241): (718.8560, 607.1928, 185.2157, 0.5323),
}
"""Focal length, centre (pixels) and baseline (metres) of the recording date with this image size."""


class Kitti2015Drive(Drive):
    """The frames of one image size, which means of one recording date and camera.

    Frame numbers are 100 * scene + index (`000012_10.png` is 1210). Indices 10 and 11 of a scene are neighbours; scenes
    are not. Depth is focal length * baseline / disparity, in metres, and known for index 10 only.
    """

    def __init__(self, training: Path, images: FrameFolder) -> None:
        """Open the frames `images`, all of one size, of the folder `training`."""
        height, width = self.size = images.size
        self.name = f"kitti_2015/{width}x{height}"
        self.frames = images.files.numbers
        focal, centre_x, centre_y, baseline = _calibration(training, images)
        matrix = torch.tensor([[focal, 0, centre_x], [0, focal, centre_y], [0, 0, 1]])
        self.camera = self.partner_camera = Camera.from_pixels(matrix, self.size)
        self.partner_from_self = translation(-baseline)
        self._training, self._images, self._focal_times_baseline = training, images, focal * baseline

    def read_image(self, frame: int, partner: bool = False) -> UInt8[np.ndarray, "h w 3"]:
        """Return the image of the left camera (`image_2`), or of the right (`image_3`)."""
        return read_rgb(self._beside(frame, "image_3", "")) if partner else self._images.read(frame)

    @property
    def partner_frames(self) -> Sequence[int]:
        """Frames with a right image; looks for each of the 200 files."""
        return [frame for frame in self.frames if self.has_partner(frame)]

    def has_partner(self, frame: int) -> bool:
        """Whether the right image exists."""
        return self._beside(frame, "image_3", "").is_file()

    @property
    def depth_frames(self) -> Sequence[int]:
        """Frames with true disparity; looks for each of the 200 files."""
        return [frame for frame in self.frames if self.has_depth(frame)]

    def has_depth(self, frame: int) -> bool:
        """Whether the true disparity exists."""
        return self._beside(frame, "disp_occ_0", ".png").is_file()

    def read_depth(self, frame: int) -> Float[np.ndarray, "h w"]:
        """Return the depth in metres, 0 where the disparity is unknown, float32; occluded pixels included."""
        disparity = read_uint16(self._beside(frame, "disp_occ_0", ".png")).astype(np.float32) / 256
        known = disparity > 0
        depth = np.zeros_like(disparity)
        depth[known] = self._focal_times_baseline / disparity[known]
        return depth

    def read_masks(self, frame: int) -> dict[str, Bool[np.ndarray, "h w"]]:
        """Return `moving`, the pixels of moving cars, if the object map exists."""
        path = self._beside(frame, "obj_map", ".png")
        return {"moving": read_rgb(path)[..., 0] > 0} if path.is_file() else {}

    def _beside(self, frame: int, folder: str, suffix: str) -> Path:
        """Return the file of the same frame in another folder; an empty suffix means that of the image."""
        path = self._images.path(frame)
        return self._training / folder / f"{path.stem}{suffix or path.suffix}"


def training_folder(root: str | Path) -> Path | None:
    """Return the folder with `image_2` and `disp_occ_0`: the root or its `training`; None if this is not KITTI 2015."""
    candidates = (Path(root), Path(root) / "training")
    return next((path for path in candidates if (path / "disp_occ_0").is_dir() and (path / "image_2").is_dir()), None)


def open_kitti_2015(root: str | Path) -> list[Drive]:
    """Return the training frames, one drive per image size.

    Raises:
        InputError: not KITTI 2015, no images, or a size whose calibration is neither known nor in `calib_cam_to_cam`.
    """
    training = training_folder(root)
    if training is None:
        raise InputError(f"{root}: no KITTI 2015 stereo here (training/image_2, training/disp_occ_0); unpack it there")
    by_size: dict[tuple[int, int], dict[int, Path]] = defaultdict(dict)
    for path in list_images(training / "image_2"):
        scene, _, index = path.stem.partition("_")
        if scene.isdigit() and index.isdigit():
            by_size[image_size(path)][100 * int(scene) + int(index)] = path
    if not by_size:
        raise InputError(f"{training / 'image_2'}: no KITTI 2015 images (000000_10.png); unpack them there")
    folders = [FrameFolder.of(training / "image_2", files, size) for size, files in sorted(by_size.items())]
    return [Kitti2015Drive(training, images) for images in folders]


def _calibration(training: Path, images: FrameFolder) -> tuple[float, float, float, float]:
    """Return focal length, centre and baseline, from the first frame's official calibration or by the image size."""
    first = images.path(images.files.numbers[0])
    file = training / "calib_cam_to_cam" / f"{first.stem.partition('_')[0]}.txt"
    if file.is_file():
        calibration = Calibration(file.parent, CalibrationFile.read(file))
        matrix = calibration.projection(2)
        return matrix[0, 0], matrix[0, 2], matrix[1, 2], -float(calibration.other_from_self(2, 3)[0, 3])
    if images.size not in CAMERAS:
        height, width = images.size
        raise InputError(f"{file}: missing, needed for images of {width}x{height}; unpack data_scene_flow_calib.zip")
    return CAMERAS[images.size]
