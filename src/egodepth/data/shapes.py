"""Sizes at which networks see frames: multiples of 32 that squeeze them little."""

from math import log

_SIDES = range(64, 2049, 32)
_SQUEEZED = 1.3
"""Ratio of shapes from which it is worth a word."""


def network_size(size: tuple[int, int], pixels: int) -> tuple[int, int]:
    """(height, width) in multiples of 32 of nearly the shape of a frame, and of about so many pixels.

    Args:
        size: (height, width) of the frame.
        pixels: of the network's input.
    """
    shape = size[1] / size[0]

    def badness(height: int, width: int) -> float:
        return abs(log(width / height / shape)) + abs(log(height * width / pixels)) / 2

    return min(((height, width) for height in _SIDES for width in _SIDES), key=lambda sides: badness(*sides))


def squeezed(frames: tuple[int, int], shape: float) -> bool:
    """Whether frames of (height, width) change much where they are brought to another shape, height over width."""
    return not 1 / _SQUEEZED < frames[0] / frames[1] / shape < _SQUEEZED
