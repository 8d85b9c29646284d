"""Network input sizes: multiples of 32 that keep the aspect ratio."""

from math import log

_SIDES = range(64, 2049, 32)
_SQUEEZED = 1.3
"""Ratio of aspect ratios from which the distortion is worth a warning."""


def network_size(size: tuple[int, int], pixels: int) -> tuple[int, int]:
    """Return a (height, width) in multiples of 32 close to a frame's aspect ratio, with about this many pixels.

    Args:
        size: (height, width) of the frame.
        pixels: number of pixels of the network's input.
    """
    shape = size[1] / size[0]

    def badness(height: int, width: int) -> float:
        return abs(log(width / height / shape)) + abs(log(height * width / pixels)) / 2

    return min(((height, width) for height in _SIDES for width in _SIDES), key=lambda sides: badness(*sides))


def squeezed(frames: tuple[int, int], shape: float) -> bool:
    """Whether frames of (height, width) change much when resized to another shape, height over width."""
    return not 1 / _SQUEEZED < frames[0] / frames[1] / shape < _SQUEEZED
