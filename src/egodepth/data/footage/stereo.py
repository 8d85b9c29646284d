"""Check stereo pairs against the camera file: side of the partner, rectification, baseline."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from egodepth.data.drive import Drive
from egodepth.data.footage.motion import block_flow
from egodepth.data.media.frame_numbers import FrameNumbers
from egodepth.data.opening import thinned
from egodepth.data.samples.static_frames import small_grey

PAIRS = 6
"""Number of pairs in a drive, evenly spaced."""
_RIGHT_SIDE = 0.8
"""Least share of blocks that must shift in the baseline's direction. Moving objects and noise cause the rest."""
_LEVEL = 0.003
"""Largest height difference of rectified pairs, as a share of the width: 2 pixels of 640."""
_BASELINE_OFF = 0.15
_FARTHEST = 0.005
"""Least disparity, as a share of the width, for measuring the baseline. Below it, one pixel is a large part."""


@dataclass(frozen=True)
class StereoCheck:
    """Result of matching the stereo pairs of a drive."""

    pairs: int
    right_side: float
    """Share of matched blocks that shift in the baseline's direction."""
    height: float
    """Median height difference of matched blocks, share of the width."""
    baseline_m: float | None
    """Baseline from true depth, if the drive has true depth."""

    def warnings(self, drive: Drive) -> list[str]:
        """Return the problems, and what to do about them."""
        found = []
        if self.right_side < 1 - _RIGHT_SIDE:
            found.append(
                f"{drive.name}: the partner's images are from the other side: exchange the two cameras' images, or the "
                "sign of the baseline"
            )
        elif self.right_side < _RIGHT_SIDE:
            found.append(f"{drive.name}: the pairs hardly match; are the partner's frames of the same instants?")
        if self.height > _LEVEL:
            found.append(
                f"{drive.name}: partner's points are {self.height:.1%} of the width higher or lower: rectify them"
            )
        given = _baseline(drive)
        if self.baseline_m and abs(self.baseline_m / given - 1) > _BASELINE_OFF and self.right_side >= _RIGHT_SIDE:
            found.append(f"{drive.name}: by true depth the baseline is {self.baseline_m:.2f} m, not {given:.2f} m")
        return found


def check_stereo(drive: Drive, pairs: int = PAIRS) -> StereoCheck | None:
    """Match some pairs of a drive; None without pairs or without matches."""
    if drive.partner_camera is None or drive.partner_from_self is None:
        return None
    frames = list(FrameNumbers.of(drive.frames).shared_with(drive.partner_frames))
    shifts, depths = [], []
    chosen = thinned(frames, pairs)
    for frame in chosen:
        own, other = (small_grey(drive.read_image(frame, partner=partner)) for partner in (False, True))
        flow = block_flow(own, other)
        if len(flow.shift):
            shifts.append(flow.shift)
            depths.append(_depth_at(drive, frame, flow.position))
    if not shifts:
        return None
    shift, depth = np.concatenate(shifts), np.concatenate(depths)
    # If the two principal points differ, points at infinity shift by this difference.
    displaced = shift[:, 0] - float(drive.partner_camera.centre[0] - drive.camera.centre[0])
    to_the_side = displaced * np.sign(drive.partner_from_self[0, 3])
    known = (depth > 0) & (to_the_side > _FARTHEST)
    baselines = to_the_side[known] * depth[known] / float(drive.camera.focal[0])
    return StereoCheck(
        pairs=len(chosen),
        right_side=float((to_the_side > 0).mean()),
        height=float(np.median(np.abs(shift[:, 1]))),
        baseline_m=float(np.median(baselines)) if len(baselines) else None,
    )


def stereo_warnings(drives: Sequence[Drive]) -> list[str]:
    """Return the problems with the stereo pairs of these drives."""
    checks = ((drive, check_stereo(drive)) for drive in drives)
    return [warning for drive, check in checks if check for warning in check.warnings(drive)]


def _baseline(drive: Drive) -> float:
    assert drive.partner_from_self is not None
    return float(np.linalg.norm(drive.partner_from_self[:3, 3]))


def _depth_at(drive: Drive, frame: int, position: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, " n"]:
    """Return the true depth at positions right of and below the image centre, in shares of the width; 0 if unknown."""
    if not drive.has_depth(frame):
        return np.zeros(len(position))
    depth = drive.read_depth(frame)
    height, width = depth.shape
    columns = np.clip((position[:, 0] + 0.5) * width, 0, width - 1).astype(int)
    rows = np.clip(position[:, 1] * width + height / 2, 0, height - 1).astype(int)
    return depth[rows, columns].astype(np.float64)
