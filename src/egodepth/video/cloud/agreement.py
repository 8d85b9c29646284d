"""Check a frame's points against its neighbouring frames. Depth that only one frame has makes no point.

This is the consistency check of depth maps of Merrell et al. 2007, and of later multi-view stereo programs.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int

from egodepth.video.cloud.implied_depth import implied_change
from egodepth.video.cloud.views import View

_NOT_FAR_OFF = 2
"""Multiple of the tolerance within which views enter the first mean."""


class Around(NamedTuple):
    """The neighbours of a frame."""

    past: list[View]
    """The previous frame, averaged with all before it; empty for the first."""
    before: list[View]
    """Further previous frames, unaveraged. They vote, but are part of `past`, so they are not averaged again."""
    after: list[View]
    """Some of the following frames, unaveraged."""


class Agreed(NamedTuple):
    """Combined depth of a frame's pixels with the neighbouring views."""

    enough: Bool[np.ndarray, "n"]
    """Whether enough views confirm the pixel."""
    depth: Float32[np.ndarray, "n"]
    """Mean of all views that agree."""
    support: Float32[np.ndarray, "n"]
    """Number of frames behind the mean."""
    past_depth: Float32[np.ndarray, "n"]
    """Mean of this frame and the past, for averaging with later frames without counting a frame twice."""
    past_support: Float32[np.ndarray, "n"]


def agreed_depth(
    view: View,
    around: Around,
    index: Int[np.ndarray, "n"],
    pixels: Float32[np.ndarray, "3 n"],
    intrinsics: Float64[np.ndarray, "3 3"],
    agreeing: int,
    tolerance: float,
) -> Agreed:
    """Let the neighbouring views vote on a frame's pixels, and average their depth.

    Args:
        view: the frame of the pixels.
        around: its neighbours.
        index: the pixels, numbered row by row.
        pixels: their (column, row, 1).
        intrinsics: the matrix of all views, in pixels.
        agreeing: number of other views that must agree (all, if there are fewer), and no more may see through the
            point.
        tolerance: share of depth.
    """
    depth, own = 1 / view.inverse_depth[index], view.support[index]
    past, before, after = ([_said_by(other, view, pixels, depth, intrinsics) for other in others] for others in around)
    said = [*past, *before, *after]
    # First the mean of all views that are roughly right, so that they are not compared with this view's own error.
    middle, _ = _mean(said, own, np.zeros_like(own), _NOT_FAR_OFF * tolerance)
    votes, against = np.zeros(len(depth), np.int8), np.zeros(len(depth), np.int8)
    for change, _ in said:
        votes += np.abs(change - middle) < tolerance
        against += change - middle > tolerance
    enough = (votes >= min(agreeing, len(said))) & (votes >= against) & (np.abs(middle) < tolerance)
    mean, support = _mean([*past, *after], own, middle, tolerance)
    past_mean, past_support = _mean(past, own, middle, tolerance)
    return Agreed(enough, depth * (1 + mean), support, depth * (1 + past_mean), past_support)


def _mean(
    said: list[tuple[Float32[np.ndarray, "n"], Float32[np.ndarray, "n"]]],
    own_support: Float32[np.ndarray, "n"],
    about: Float32[np.ndarray, "n"],
    tolerance: float,
) -> tuple[Float32[np.ndarray, "n"], Float32[np.ndarray, "n"]]:
    """Return the mean change of depth and its support, over the view itself (0) and the views within a tolerance."""
    total, support = np.zeros_like(own_support), own_support.copy()
    for change, their_support in said:
        counted = np.where(np.abs(change - about) < tolerance, their_support, np.float32(0))
        total += np.where(counted > 0, change, np.float32(0)) * counted
        support += counted
    return total / support, support


def _said_by(
    other: View,
    view: View,
    pixels: Float32[np.ndarray, "3 n"],
    depth: Float32[np.ndarray, "n"],
    intrinsics: Float64[np.ndarray, "3 3"],
) -> tuple[Float32[np.ndarray, "n"], Float32[np.ndarray, "n"]]:
    """Return the relative change of depth that another view suggests, NaN where it sees nothing; and its support."""
    other_from_view = np.linalg.inv(other.world_from_camera) @ view.world_from_camera
    change, index = implied_change(other.surface, other_from_view, pixels, depth, intrinsics)
    return change, other.support[index]
