"""Trajectory metrics: the usual 5-frame snippets, the whole path after alignment, and KITTI's drift."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from egodepth.foundation.errors import InputError

Poses = Float64[np.ndarray, "n 4 4"]
"""World-from-camera poses, one per frame."""
SNIPPET = 5
SEGMENTS = (100, 200, 300, 400, 500, 600, 700, 800)
"""Path lengths in metres over which KITTI measures drift."""
_SEGMENT_STEP = 10
"""Frames between the starts of segments."""


@dataclass(frozen=True)
class OdometryScores:
    """All metrics of one trajectory."""

    frames: int
    path_m: float
    """Length of the true path."""
    snippet_mean: float
    """Mean of the 5-frame errors as published, metres."""
    snippet_std: float
    ate_m: float
    """RMSE of all positions after Sim(3) alignment, metres."""
    scale: float
    """Scale of that alignment: metres per unit of the prediction."""
    t_rel_percent: float | None
    """Drift in position over 100 to 800 m, with the prediction scaled by `scale`; None if the path is shorter."""
    r_rel_deg_per_100m: float | None


def score_trajectory(predicted: Poses, truth: Float64[np.ndarray, "m 4 4"]) -> OdometryScores:
    """Score a whole trajectory.

    Raises:
        InputError: different numbers of poses, or fewer than three.
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
    """Return the error of the snippet that starts at each frame, as published (Zhou et al. 2017, Godard et al. 2019).

    Positions are relative to the snippet's first camera, with one least-squares scale per snippet. The error is the
    root of the summed squares divided by the number of frames, which is smaller than the RMSE by the root of that
    number. Shorter snippets at the end count.
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
    """Return the similarity between point sets (Umeyama 1991): target = scale R source + shift."""
    centred, goal = source - source.mean(0), target - target.mean(0)
    u, singular, vt = np.linalg.svd(goal.T @ centred / len(source))
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt)) or 1.0])
    rotation = u @ np.diag(sign) @ vt
    variance = np.square(centred).sum() / len(source)
    scale = float((singular * sign).sum() / variance) if variance > 0 else 1.0
    return rotation, target.mean(0) - scale * rotation @ source.mean(0), scale


def segment_errors(predicted: Poses, truth: Poses, scale: float) -> tuple[float, float] | None:
    """Return KITTI's t_rel (a share) and r_rel (radians per metre); None if the path is shorter than 100 m.

    These are means over segments of 100 to 800 m, from every 10th frame.
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
    """Return the positions in the axes of the first camera."""
    return np.linalg.solve(poses[0], poses)[:, :3, 3]


def _distances(poses: Poses) -> Float64[np.ndarray, " n"]:
    """Return the path length up to each frame."""
    steps = np.linalg.norm(np.diff(poses[:, :3, 3], axis=0), axis=1)
    return np.concatenate([[0.0], np.cumsum(steps)])
