"""Detect frames where the camera stands still, by the motion of the image. They contain no information on depth.

Zhou et al. 2017 also leave such frames out of KITTI's training frames, by their optical flow.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import suppress

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image

from egodepth.config import MINIMUM_MOTION
from egodepth.data.drive import Drive
from egodepth.data.media.frame_numbers import FrameNumbers
from egodepth.foundation.errors import InputError
from egodepth.foundation.files import cache_folder, write_text

_Images = dict[int, Float32[np.ndarray, "h w"] | None]
_VERSION = 1
"""Version of the measure; it has to be increased with every change of the measure."""
WIDTH, _BLOCK = 192, 8
"""Width at which images are compared (smaller images keep their width), and side of the blocks; pixels."""
TEXTURE = 4.0
"""Least contrast of a block with texture: standard deviation of the gradient, grey levels per pixel."""
QUANTILE = 0.3
"""The measure is this quantile over the blocks, because traffic may fill more than half of the image."""


def moving_frames(
    drive: Drive, minimum: float = MINIMUM_MOTION, report: Callable[[int], None] | None = None
) -> FrameNumbers:
    """Return the frames of a drive where the camera moves, ascending.

    A frame is left out if the image does not move from the previous frame to it, or from it to the next frame. A single
    static source suffices, because the minimum over the sources is then its error, which is zero. A pair counts as
    moving if a frame is missing or unreadable, or if the images have no texture.

    Args:
        drive: all its frames are compared, but not those of the partner.
        minimum: least motion of a moving camera, share of the image's width per frame.
        report: called with the number of newly processed frames; the numbers add up to all frames of the drive.
    """
    stands = drive_motion(drive, report) < minimum
    left_out = np.concatenate([stands, [False]]) | np.concatenate([[False], stands])
    kept = np.flatnonzero(~left_out[: len(drive.frames)])
    return FrameNumbers.of(np.array(drive.frames, np.int64)[kept])


def drive_motion(drive: Drive, report: Callable[[int], None] | None = None) -> Float32[np.ndarray, " pairs"]:
    """Return the motion from each frame of a drive to the next one, share of the width; infinite where unknown.

    The result is cached on disk by the drive's name, size, frame numbers, and first and last image. A change of another
    image is not detected. A cache that cannot be read or written is ignored.
    """
    report = report or (lambda count: None)
    ends = {frame: _small_grey(drive, frame) for frame in {*drive.frames[:1], *drive.frames[-1:]}}
    kept = cache_folder() / "motion" / f"{_key(drive, ends)}.json"
    try:
        motion = np.array(json.loads(kept.read_text(encoding="utf-8")), np.float32)
        if motion.shape == (max(len(drive.frames) - 1, 0),):
            report(len(drive.frames))
            return motion
    except (OSError, ValueError, TypeError, RecursionError):
        pass
    motion = list(_measured(drive, ends, report))
    with suppress(InputError):
        write_text(kept, json.dumps(motion))
    return np.array(motion, np.float32)


def image_motion(first: Float32[np.ndarray, "h w"], second: Float32[np.ndarray, "h w"]) -> float:
    """Return the motion between two grey images, share of their width; infinite if they have too little texture.

    It is one Lucas-Kanade step (Lucas and Kanade 1981) in each block, after subtraction of the block's mean, and then
    the 0.3-quantile over the blocks with texture. Shifts up to about one pixel are accurate. Larger shifts give large
    values. If the recording car itself fills 30 % of the image, the image counts as static.
    """
    second = second * brightness_ratio(first, second)
    mean = (first + second) / 2
    right = _blocks((mean[1:-1, 2:] - mean[1:-1, :-2]) / 2)
    down = _blocks((mean[2:, 1:-1] - mean[:-2, 1:-1]) / 2)
    change = _blocks((second - first)[1:-1, 1:-1])
    xx, yy, xy = (right**2).mean(1), (down**2).mean(1), (right * down).mean(1)
    textured = xx + yy > TEXTURE**2
    if textured.sum() < 4:
        return float("inf")
    xx, yy = xx + 1, yy + 1  # for a block with a single edge, the motion is perpendicular to it
    x, y = (right * change).mean(1), (down * change).mean(1)
    shift = np.hypot(yy * x - xy * y, xx * y - xy * x) / (xx * yy - xy**2)
    return float(np.quantile(shift[textured], QUANTILE)) / first.shape[1]


def small_grey(rgb: UInt8[np.ndarray, "h w 3"], most: int = WIDTH) -> Float32[np.ndarray, "hs ws"]:
    """Return an image as input of `image_motion`: grey, 0 to 255, at most `most` pixels wide."""
    image = Image.fromarray(np.ascontiguousarray(rgb))
    width = min(most, image.width)
    size = width, max(round(image.height * width / image.width), 1)
    grey = image.reduce(max(image.width // (2 * width), 1)).convert("L").convert("F")  # `reduce` is for speed
    return np.array(grey.resize(size, Image.Resampling.BOX))


def brightness_ratio(first: Float32[np.ndarray, "h w"], second: Float32[np.ndarray, "h w"]) -> np.floating:
    """Return the factor that converts the second image to the first one's exposure: the median over the pixels."""
    return np.median((first + 1) / (second + 1))


def _small_grey(drive: Drive, frame: int) -> Float32[np.ndarray, "h w"] | None:
    """Return a frame as input of `image_motion`; None if it cannot be read."""
    try:
        return small_grey(drive.read_image(frame))
    except InputError:
        return None


def _measured(drive: Drive, ends: _Images, report: Callable[[int], None]) -> Iterator[float]:
    """Yield the motions of `drive_motion`; each frame is decoded once."""
    before, number = None, None
    for frame in drive.frames:
        image = ends[frame] if frame in ends else _small_grey(drive, frame)
        if number is not None:
            if before is None or image is None or frame != number + 1:
                yield float("inf")
            else:
                yield round(image_motion(before, image), 7)
        before, number = image, frame
        report(1)


def _blocks(values: Float32[np.ndarray, "h w"]) -> Float32[np.ndarray, "blocks n"]:
    """Return the pixels of each complete block, minus the block's mean."""
    rows, columns = values.shape[0] // _BLOCK, values.shape[1] // _BLOCK
    cut = values[: rows * _BLOCK, : columns * _BLOCK].reshape(rows, _BLOCK, columns, _BLOCK)
    blocks = cut.swapaxes(1, 2).reshape(rows * columns, _BLOCK**2)
    return blocks - blocks.mean(1, keepdims=True)


def _key(drive: Drive, ends: _Images) -> str:
    """Return a cache key from the drive's name, size, frames, and first and last image."""
    digest = hashlib.sha256(f"{_VERSION}\n{drive.name}\n{drive.size}\n{FrameNumbers.of(drive.frames).runs()}".encode())
    for _, image in sorted(ends.items()):
        digest.update(b"unreadable" if image is None else image.tobytes())
    return digest.hexdigest()[:32]
