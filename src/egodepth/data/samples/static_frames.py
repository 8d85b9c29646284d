"""Frames at which the camera stands still, found by the motion of the image: there is nothing to learn depth from.

Zhou et al. 2017 leave them out of KITTI's training frames, too, by their optical flow.
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
"""Raised whenever the measure changes."""
WIDTH, _BLOCK = 192, 8
"""Images are compared at this width, smaller ones at their own, in blocks with this side; pixels."""
TEXTURE = 4.0
"""Blocks count from this contrast on: standard deviation of the gradient, grey levels a pixel."""
QUANTILE = 0.3
"""The measure is what this share of the blocks stays below: traffic in front may fill half of the image, and more."""


def moving_frames(
    drive: Drive, minimum: float = MINIMUM_MOTION, report: Callable[[int], None] | None = None
) -> FrameNumbers:
    """The frames of a drive at which the camera moves, ascending.

    A frame is left out if the image stands still from the frame before to it, or from it to the frame after: with one
    source that stands still, the minimum over the sources is that one's error, which is nothing. Where a neighbour is
    missing, one of the two cannot be read, or both have no texture, nothing is known to stand still.

    Args:
        drive: all of its frames are looked at, not the partner's.
        minimum: motion from which on the camera counts as moving, share of the image's width per frame.
        report: told how many frames more are done; the numbers add up to all frames of the drive.
    """
    stands = drive_motion(drive, report) < minimum
    left_out = np.concatenate([stands, [False]]) | np.concatenate([[False], stands])
    kept = np.flatnonzero(~left_out[: len(drive.frames)])
    return FrameNumbers.of(np.array(drive.frames, np.int64)[kept])


def drive_motion(drive: Drive, report: Callable[[int], None] | None = None) -> Float32[np.ndarray, " pairs"]:
    """Motion of the image from each frame of a drive to the next one, share of its width; infinite where unknown.

    Kept on disk under the drive's name, size, frame numbers, first and last image; that an image between has been
    exchanged is not noticed. A cache that cannot be read or written is gone without.
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
    """How far two grey images differ by motion, share of their width; infinite where they have too little texture.

    One step of Lucas and Kanade (1981) in each block, whose brightness is its own: the shift that explains the
    difference by the gradient; then the 0.3-quantile over the blocks with texture. Shifts up to a pixel or so are true;
    what has moved further comes out as something large. A part of the camera's own car that fills 30 % stands, too.
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
    xx, yy = xx + 1, yy + 1  # a block with a single edge moves across it
    x, y = (right * change).mean(1), (down * change).mean(1)
    shift = np.hypot(yy * x - xy * y, xx * y - xy * x) / (xx * yy - xy**2)
    return float(np.quantile(shift[textured], QUANTILE)) / first.shape[1]


def small_grey(rgb: UInt8[np.ndarray, "h w 3"], most: int = WIDTH) -> Float32[np.ndarray, "hs ws"]:
    """An image as `image_motion` compares it: grey, 0 to 255, at most so wide."""
    image = Image.fromarray(np.ascontiguousarray(rgb))
    width = min(most, image.width)
    size = width, max(round(image.height * width / image.width), 1)
    grey = image.reduce(max(image.width // (2 * width), 1)).convert("L").convert("F")  # the first is for speed alone
    return np.array(grey.resize(size, Image.Resampling.BOX))


def brightness_ratio(first: Float32[np.ndarray, "h w"], second: Float32[np.ndarray, "h w"]) -> np.floating:
    """What takes the second image to the first one's exposure: the median over the pixels."""
    return np.median((first + 1) / (second + 1))


def _small_grey(drive: Drive, frame: int) -> Float32[np.ndarray, "h w"] | None:
    """A frame as `image_motion` compares it; None if it cannot be read."""
    try:
        return small_grey(drive.read_image(frame))
    except InputError:
        return None


def _measured(drive: Drive, ends: _Images, report: Callable[[int], None]) -> Iterator[float]:
    """The motions of `drive_motion`, each frame decoded once."""
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
    """The pixels of each whole block, with the block's mean taken off."""
    rows, columns = values.shape[0] // _BLOCK, values.shape[1] // _BLOCK
    cut = values[: rows * _BLOCK, : columns * _BLOCK].reshape(rows, _BLOCK, columns, _BLOCK)
    blocks = cut.swapaxes(1, 2).reshape(rows * columns, _BLOCK**2)
    return blocks - blocks.mean(1, keepdims=True)


def _key(drive: Drive, ends: _Images) -> str:
    """Changes with the drive's name, size and frames, and the images at its ends."""
    digest = hashlib.sha256(f"{_VERSION}\n{drive.name}\n{drive.size}\n{FrameNumbers.of(drive.frames).runs()}".encode())
    for _, image in sorted(ends.items()):
        digest.update(b"unreadable" if image is None else image.tobytes())
    return digest.hexdigest()[:32]
