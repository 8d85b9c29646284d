"""How good a trajectory is: the field's 5-frame snippets, the whole path after alignment, and KITTI's two numbers."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from egodepth.foundation.errors import InputError

Poses = Float64[np.ndarray, "n 4 4"]
"""World from camera, one a frame."""
SNIPPET = 5
SEGMENTS = (100, 200, 300, 400, 500, 600, 700, 800)
"""Metres of path over which KITTI measures drift."""
_SEGMENT_STEP = 10
"""Frames between the starts of segments."""


@dataclass(frozen=True)
class OdometryScores:
    """All figures of one trajectory."""

    frames: int
    path_m: float
    """Length of the true path."""
    snippet_mean: float
    """Of the 5-frame errors as published, metres."""
    snippet_std: float
    ate_m: float
    """RMSE of the whole path's positions after Sim(3) alignment, metres."""
    scale: float
    """Of that alignment: metres in a unit of the prediction."""
    t_rel_percent: float | None
    """Drift in position over 100 to 800 m, prediction scaled by `scale`; None where the path is shorter."""
    r_rel_deg_per_100m: float | None


def score_trajectory(predicted: Poses, truth: Float64[np.ndarray, "m 4 4"]) -> OdometryScores:
    """Score a whole trajectory.

    Raises:
        InputError: other numbers of poses, or fewer than three.
    """
    if len(predicted) != len(truth) or len(truth) < 3:
        raise InputError(f"{len(predicted)} predicted poses for {len(truth)} true ones; three and as many are needed")
    rotation, shift, scale = similarity(predicted[:, :3, 3], truth[:, :3, 3])
    aligned = scale * predicted[:, :3, 3] @ rotation.T + shift
    snippets = snippet_errors(predicted, truth)
    drift = segment_errors(predicted, truth, scale)
    return OdometryScores(
        frames=len(truth),
        path_m=float(_distances(truth)[-1]),
        snippet_mean=float(snippets.mean()),
        snippet_std=float(snippets.std()),
        ate_m=float(np.sqrt(np.square(aligned - truth[:, :3, 3]).sum(1).mean())),
        scale=float(scale),
        t_rel_percent=None if drift is None else 100 * drift[0],
        r_rel_deg_per_100m=None if drift is None else 100 * float(np.rad2deg(drift[1])),
    )


def snippet_errors(predicted: Poses, truth: Poses, length: int = SNIPPET) -> Float64[np.ndarray, " m"]:
    """Error of the snippet that starts at each frame, as published (Zhou et al. 2017, Godard et al. 2019).

    Positions from the snippet's first camera, one least-squares scale a snippet, then the root of the summed squares
    over the number of frames: smaller than a true RMSE by the root of that number. Shorter snippets at the end count.
    """
    errors = []
    for first in range(len(truth) - 1):
        found, true = (_from_first(poses[first : first + length]) for poses in (predicted, truth))
        squares = np.square(found).sum()
        scale = (found * true).sum() / squares if squares > 0 else 0.0
        errors.append(np.sqrt(np.square(scale * found - true).sum()) / len(true))
    return np.array(errors)


def similarity(
    source: Float64[np.ndarray, "n 3"], target: Float64[np.ndarray, "n 3"]
) -> tuple[Float64[np.ndarray, "3 3"], Float64[np.ndarray, "3"], float]:
    """Rotation, shift and scale that bring points nearest to others (Umeyama 1991): target = scale R source + shift."""
    centred, goal = source - source.mean(0), target - target.mean(0)
    u, singular, vt = np.linalg.svd(goal.T @ centred / len(source))
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt)) or 1.0])
    rotation = u @ np.diag(sign) @ vt
    variance = np.square(centred).sum() / len(source)
    scale = float((singular * sign).sum() / variance) if variance > 0 else 1.0
    return rotation, target.mean(0) - scale * rotation @ source.mean(0), scale


def segment_errors(predicted: Poses, truth: Poses, scale: float) -> tuple[float, float] | None:
    """KITTI's t_rel (a share) and r_rel (radians a metre): means over segments of 100 to 800 m, from every 10th frame.

    None where the path is shorter than 100 m.
    """
    scaled = predicted.copy()
    scaled[:, :3, 3] *= scale
    distance = _distances(truth)
    translation, rotation = [], []
    for first in range(0, len(truth), _SEGMENT_STEP):
        for metres in SEGMENTS:
            last = int(np.searchsorted(distance, distance[first] + metres, side="right"))
            if last >= len(truth):
                break
            moved = np.linalg.solve(scaled[first], scaled[last])
            error = np.linalg.solve(moved, np.linalg.solve(truth[first], truth[last]))
            translation.append(np.linalg.norm(error[:3, 3]) / metres)
            rotation.append(np.arccos(np.clip((np.trace(error[:3, :3]) - 1) / 2, -1, 1)) / metres)
    return (float(np.mean(translation)), float(np.mean(rotation))) if translation else None


def _from_first(poses: Poses) -> Float64[np.ndarray, "n 3"]:
    """Positions in the axes of the first camera."""
    return np.linalg.solve(poses[0], poses)[:, :3, 3]


def _distances(poses: Poses) -> Float64[np.ndarray, " n"]:
    """Length of the path up to each frame."""
    steps = np.linalg.norm(np.diff(poses[:, :3, 3], axis=0), axis=1)
    return np.concatenate([[0.0], np.cumsum(steps)])
