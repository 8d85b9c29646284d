"""Uploaded images and clips: checked, decoded, and their depth predicted. Nothing of them stays on the disk."""

import threading
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch import Tensor

from egodepth.data.footage.source import open_footage
from egodepth.data.images import SUFFIXES, read_rgb
from egodepth.data.video import VIDEO_SUFFIXES
from egodepth.foundation.errors import InputError, require
from egodepth.inference.predictor import DepthPredictor
from egodepth.video.viewer.scene_frames import small

MOST_FRAMES = 60
"""Most frames of a clip that are shown."""
_MOST_DECODED = 3000
"""Number of frames after which a clip is cut: nobody waits for an hour of video."""
_LONGEST_NAME = 255
_BATCH = 4
_ONE_AT_A_TIME = threading.Lock()
"""Held while an upload is decoded and its depth predicted: that takes memory and all cores."""


class UploadedFrame(NamedTuple):
    """One frame of an upload."""

    seconds: float
    image: UInt8[np.ndarray, "h w 3"]
    """At the size of a panel."""
    inverse_depth: Float32[np.ndarray, "hn wn"]
    """At the network's size."""


def read_upload(predictor: DepthPredictor, name: str, content: bytes) -> list[UploadedFrame]:
    """Return the frames of an uploaded file: one of an image, `MOST_FRAMES` of a clip at most, evenly spread.

    The file is written into a temporary folder under a name of our own, and deleted. One upload is read at a time:
    others wait.

    Args:
        predictor: predicts the depth.
        name: name of the file in the browser, from which only its suffix is used.
        content: the file.

    Raises:
        InputError: a name that is no plain file name, another kind of file, or a file that cannot be decoded.
        OSError: no temporary file can be written.
    """
    suffix = checked_suffix(name)
    require(len(content) > 0, f"{name}: an empty file")
    with _ONE_AT_A_TIME, TemporaryDirectory(prefix="egodepth-") as folder:
        path = Path(folder) / f"upload{suffix}"
        path.write_bytes(content)
        try:
            return _read_image(predictor, path) if suffix in SUFFIXES else _read_clip(predictor, path)
        except InputError as error:  # the visitor knows the file by its own name
            raise InputError(str(error).replace(str(path), name)) from error


def checked_suffix(name: str) -> str:
    """Return the suffix of a plain file name, in lower case.

    Raises:
        InputError: a path, control characters, too long a name, or a suffix of neither images nor clips.
    """
    plain = name.isprintable() and not set(name) & {"/", "\\"} and name not in ("", ".", "..")
    require(plain, f"{name[:80]!r}: not a plain file name; rename the file")
    require(len(name.encode()) <= _LONGEST_NAME, f"{name[:80]}...: too long a name; rename the file")
    suffix = Path(name).suffix.lower()
    usual = "an image (.png, .jpg, .webp, .tif, ...) or a clip (.mp4, .mov, .mkv, ...)"
    require(suffix in SUFFIXES or suffix in VIDEO_SUFFIXES, f"{name}: give {usual}")
    return suffix


def _read_image(predictor: DepthPredictor, path: Path) -> list[UploadedFrame]:
    pixels = read_rgb(path)
    return _predicted(predictor, [(0.0, small(pixels), predictor.network_input([pixels]).cpu())])


def _read_clip(predictor: DepthPredictor, path: Path) -> list[UploadedFrame]:
    """Decode a clip once: whenever too many frames are kept, every second one is dropped."""
    kept: list[tuple[float, UInt8[np.ndarray, "h w 3"], Tensor]] = []
    stride = 1
    for count, picture in enumerate(open_footage(path).pictures()):
        if count >= _MOST_DECODED:
            break
        if count % stride or picture.image is None:
            continue
        if len(kept) == MOST_FRAMES:
            kept, stride = kept[::2], 2 * stride
            if count % stride:
                continue
        kept.append((picture.seconds, small(picture.image), predictor.network_input([picture.image]).cpu()))
    require(len(kept) > 0, f"{path}: no frame of this clip can be decoded")
    return _predicted(predictor, kept)


def _predicted(
    predictor: DepthPredictor, frames: list[tuple[float, UInt8[np.ndarray, "h w 3"], Tensor]]
) -> list[UploadedFrame]:
    inverse: list[Float32[np.ndarray, "hn wn"]] = []
    for first in range(0, len(frames), _BATCH):
        batch = torch.cat([planes for _, _, planes in frames[first : first + _BATCH]])
        inverse.extend(predictor.inverse_depth(batch).numpy())
    return [UploadedFrame(seconds, image, own) for (seconds, image, _), own in zip(frames, inverse, strict=True)]
