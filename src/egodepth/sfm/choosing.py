"""Choose the frames to reconstruct: frames with motion between them, where the camera turns most.

A camera that drives straight on gives little information about its focal length: a longer lens and a longer street look
alike. Where it turns, the whole image shifts by angle times focal length, which determines the focal length.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float32, Float64, UInt8

from egodepth.data.samples.static_frames import image_motion, small_grey

MOST_LOOKED_AT = 3000
"""Most frames to analyse, the middle of a longer clip: five minutes at 10 frames a second, some minutes of decoding."""
STANDING = 0.0003
"""Motion per frame, as a share of the width, that a standing camera stays below; see `static_frames`."""
STEP = 0.002
"""Motion between chosen frames: a slow car at 10 frames a second. At 60 frames a second, some are skipped."""


def chosen_frames(
    read: Callable[[int], UInt8[np.ndarray, "h w 3"]], numbers: Sequence[int], count: int, report: Callable[[int], None]
) -> list[int]:
    """Return up to `count` frame numbers with motion between the frames, from where the camera turns most.

    Fewer than two if the camera stands still.

    Args:
        read: returns the RGB image of a frame number.
        numbers: the existing frames, ascending.
        count: number of wanted frames.
        report: callback with the number of newly analysed frames; `frames_to_look_at` in total.
    """
    looked_at = frames_to_look_at(numbers)
    motion, shift = _motions(read, looked_at, report)
    kept = moving_positions(motion)
    if len(kept) > count:
        heading = np.concatenate([[0.0], np.cumsum(shift)])
        kept = kept[most_turning(heading[kept], count) :][:count]
    return [looked_at[position] for position in kept]


def frames_to_look_at(numbers: Sequence[int]) -> Sequence[int]:
    """Return all frames, or the middle of a long clip."""
    frames = list(numbers)
    start = max(len(frames) - MOST_LOOKED_AT, 0) // 2
    return frames[start : start + MOST_LOOKED_AT]


def frames_around(numbers: Sequence[int], chosen: Sequence[int], count: int) -> tuple[int, ...]:
    """Return `count` consecutive frames around the chosen ones, with all chosen ones; all frames if there are fewer."""
    first, last = bisect_left(numbers, chosen[0]), bisect_left(numbers, chosen[-1])
    start = min(max((first + last + 1 - count) // 2, 0), max(len(numbers) - count, 0))
    row = [numbers[place] for place in range(start, min(start + count, len(numbers)))]
    return tuple(sorted({*row, *chosen}))


def moving_positions(motion: Float64[np.ndarray, " steps"]) -> list[int]:
    """Return the positions of frames between which the image moves by at least `STEP`, from the motion of each step.

    A single one if nothing moves. Unknown motion (infinite) counts as a step.
    """
    kept, moved = [0], 0.0
    for position, step in enumerate(motion, start=1):
        moved += step if step > STANDING else 0.0
        if moved >= STEP:
            kept.append(position)
            moved = 0.0
    return kept


def most_turning(heading: Float64[np.ndarray, " n"], count: int) -> int:
    """Return the start of the window of `count` frames with the widest range of headings; the first if equal."""
    windows = np.lib.stride_tricks.sliding_window_view(heading, count)
    return int(np.argmax(np.ptp(windows, axis=1)))


def horizontal_shift(first: Float32[np.ndarray, "h w"], second: Float32[np.ndarray, "h w"]) -> float:
    """Return the horizontal shift of the whole image, as share of its width, by phase correlation.

    Driving straight on moves the two sides apart and keeps the middle. Only a turn remains.
    """
    window = np.hanning(first.shape[0])[:, None] * np.hanning(first.shape[1])
    a, b = (np.fft.rfft2((image - image.mean()) * window) for image in (first, second))
    cross = np.conj(a) * b
    correlation = np.fft.irfft2(cross / np.maximum(np.abs(cross), 1e-9), first.shape)
    width = first.shape[1]
    row, column = divmod(int(np.argmax(correlation)), width)
    before, peak, after = (max(float(correlation[row, (column + step) % width]), 0.0) for step in (-1, 0, 1))
    shift = column if column <= width // 2 else column - width
    return (shift + (after - before) / max(before + peak + after, 1e-9)) / width


def _motions(
    read: Callable[[int], UInt8[np.ndarray, "h w 3"]], frames: Sequence[int], report: Callable[[int], None]
) -> tuple[Float64[np.ndarray, " steps"], Float64[np.ndarray, " steps"]]:
    """Return motion and horizontal shift of the image from each frame to the next, as shares of the width."""
    motion, shift = [], []
    before: Float32[np.ndarray, "h w"] | None = None
    for frame in frames:
        image = small_grey(read(frame))
        if before is not None:
            motion.append(image_motion(before, image))
            shift.append(horizontal_shift(before, image))
        before = image
        report(1)
    return np.array(motion, np.float64), np.array(shift, np.float64)
