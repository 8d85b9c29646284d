"""Cityscapes (Cordts et al. 2016): snippets of 30 frames, stereo partners, and one disparity map per snippet."""

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8

from egodepth.data.cameras import check_aspect, check_camera, translation
from egodepth.data.drive import Drive
from egodepth.data.images import image_size, read_uint16
from egodepth.data.media.frames import FrameFolder, list_images
from egodepth.foundation.errors import InputError
from egodepth.foundation.reading import read_json
from egodepth.geometry.camera import Camera

SPLITS = ("train", "val", "test")
CALIBRATED_SIZE = (1024, 2048)
"""(height, width) of the images that the camera files belong to; the files do not contain it."""
_SEQUENCE_ZIP, _CAMERA_ZIP = "leftImg8bit_sequence_trainvaltest.zip", "camera_trainvaltest.zip"
_CAMERA_VALUES = (*(("intrinsic", key) for key in ("fx", "fy", "u0", "v0")), ("extrinsic", "baseline"))


class CityscapesDrive(Drive):
    """All frames of one CITY_SSSSSS of a split, named `cityscapes/train/aachen_000012`; FFFFFF is the frame number.

    The lowest quarter of every image is cut off, as in published trainings: it shows the car's bonnet, which never
    moves in the image. The camera belongs to the cut image: its centre in pixels does not change. Resized images are
    supported. Depth is focal length * baseline / disparity, in metres.
    """

    def __init__(
        self, name: str, images: FrameFolder, partners: FrameFolder, disparities: dict[int, Path], camera: Path
    ) -> None:
        """Take a snippet's files; `InputError` for a damaged or implausible camera file, or images of another shape."""
        self.name, self.frames = name, images.files.numbers
        self.size = (_kept_rows(images.size[0]), images.size[1])
        self.camera, focal, baseline = _read_camera(camera, images.size)
        if partners.files:
            self.partner_camera, self.partner_from_self = self.camera, translation(-baseline)
        self._images, self._partners, self._disparities = images, partners, disparities
        self._focal_times_baseline = focal * baseline

    def read_image(self, frame: int, partner: bool = False) -> UInt8[np.ndarray, "h w 3"]:
        """Return the image of the left camera, or of the right, without the bonnet."""
        return (self._partners if partner else self._images).read(frame)[: self.size[0]]

    @property
    def partner_frames(self) -> Sequence[int]:
        """Frames with a right image."""
        return self._partners.files.numbers

    @property
    def depth_frames(self) -> Sequence[int]:
        """Frames with a disparity."""
        return list(self._disparities)

    def read_depth(self, frame: int) -> Float[np.ndarray, "h w"]:
        """Return the depth in metres, 0 where the disparity is unknown or zero, float32, without the bonnet."""
        if not self.has_depth(frame):
            raise InputError(f"{self.name}: no disparity of frame {frame}; unpack disparity_trainvaltest.zip")
        disparity = (read_uint16(self._disparities[frame]).astype(np.float32) - 1) / 256
        disparity = disparity[: _kept_rows(len(disparity))]
        depth = self._focal_times_baseline / np.maximum(disparity, 1 / 256)
        return np.where(disparity > 0, depth, np.float32(0))


def is_cityscapes(root: str | Path) -> bool:
    """Whether to try `open_cityscapes`."""
    return any((Path(root) / name).is_dir() for name in ("leftImg8bit_sequence", "leftImg8bit"))


def has_cityscapes_split(root: str | Path, split: str) -> bool:
    """Whether the images of a split exist."""
    return _images_folder(Path(root), "left", split).is_dir()


def open_cityscapes(root: str | Path, split: str = "train") -> list[Drive]:
    """Return every snippet of a split: of the sequences, or single frames if the sequences are missing.

    Raises:
        InputError: no such split, no images, or no usable camera.
    """
    root = Path(root)
    if split not in SPLITS:
        raise InputError(f"{root}: Cityscapes has no split '{split}'; choose one of {', '.join(SPLITS)}")
    packed = [path for path in (root / _SEQUENCE_ZIP, root / "leftImg8bit_sequence" / _SEQUENCE_ZIP) if path.is_file()]
    unpack = f"unpack {packed[0]}, still packed, in {root}" if packed else f"unpack {_SEQUENCE_ZIP} in {root}"
    folder = _images_folder(root, "left", split)
    if not folder.is_dir():
        here = ", ".join(name for name in SPLITS if has_cityscapes_split(root, name))
        raise InputError(f"{folder}: no such folder (splits here: {here or 'none'}); {unpack}")
    cities = sorted(path.name for path in folder.iterdir() if path.is_dir())
    drives = [drive for city in cities for drive in _open_city(root, split, city)]
    if not drives:
        raise InputError(f"{folder}: no images CITY/CITY_SSSSSS_FFFFFF_leftImg8bit.png; {unpack}")
    return drives


def _images_folder(root: Path, side: str, split: str) -> Path:
    """Return the split's folder of the sequences, or of the single frames if only these exist."""
    sequences, frames = (root / f"{side}Img8bit{ending}" / split for ending in ("_sequence", ""))
    return frames if frames.is_dir() and not sequences.is_dir() else sequences


def _open_city(root: Path, split: str, city: str) -> list[Drive]:
    """Return the drives of a city. Each folder is listed once, and one image header is read."""
    left, right = (_images_folder(root, side, split) / city for side in ("left", "right"))
    images, partners = _by_snippet(left, "leftImg8bit"), _by_snippet(right, "rightImg8bit")
    disparities, cameras = (_by_snippet(root / kind / split / city, kind) for kind in ("disparity", "camera"))
    if not images:
        return []
    if not cameras:
        raise InputError(f"{root / 'camera' / split / city}: no camera files; unpack {_CAMERA_ZIP} in {root}")
    size = image_size(next(iter(next(iter(images.values())).values())))
    shared = next(iter(cameras.values()))  # every annotated frame has a camera file; other snippets borrow one
    drives: list[Drive] = []
    for snippet, files in images.items():
        pair = FrameFolder.of(left, files, size), FrameFolder.of(right, partners[snippet], size)
        camera_file = next(iter(cameras.get(snippet, shared).values()))
        drives.append(CityscapesDrive(f"cityscapes/{split}/{snippet}", *pair, disparities[snippet], camera_file))
    return drives


def _by_snippet(folder: Path, kind: str) -> dict[str, dict[int, Path]]:
    """Return the files CITY_SSSSSS_FFFFFF_KIND of a folder by CITY_SSSSSS, then by number, ascending."""
    found: dict[str, dict[int, Path]] = defaultdict(dict)
    if folder.is_dir():
        for path in sorted(folder.glob("*.json")) if kind == "camera" else list_images(folder):
            if match := re.fullmatch(rf"([^.]+_\d+)_(\d+)_{kind}", path.stem):
                found[match[1]][int(match[2])] = path
    return found


def _kept_rows(height: int) -> int:
    return height * 3 // 4


def _read_camera(path: Path, size: tuple[int, int]) -> tuple[Camera, float, float]:
    """Return the camera of the cut images, the focal length in pixels of `CALIBRATED_SIZE`, the baseline in metres.

    `size` is the size of the uncut images.
    """
    try:
        content = read_json(path, finite=False)  # a value that is not finite gets its own message below
        fx, fy, u0, v0, baseline = (float(content[group][key]) for group, key in _CAMERA_VALUES)
    except KeyError as error:
        raise InputError(f"{path}: {error} is missing; unpack {_CAMERA_ZIP} again") from error
    except (OSError, TypeError, ValueError) as error:
        raise InputError(f"{path}: not a readable camera file; unpack {_CAMERA_ZIP} again") from error
    if not 1e-4 < baseline < 100:
        raise InputError(f"{path}: baseline {baseline:g} is not one in metres; unpack {_CAMERA_ZIP} again")
    check_aspect(CALIBRATED_SIZE, size, path)
    cut = (_kept_rows(CALIBRATED_SIZE[0]), CALIBRATED_SIZE[1])
    camera = Camera.from_pixels(torch.tensor([[fx, 0, u0], [0, fy, v0], [0, 0, 1]], dtype=torch.float64), cut)
    return check_camera(camera, cut, path), fx, baseline
