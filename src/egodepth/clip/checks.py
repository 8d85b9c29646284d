"""What structure from motion says of the model's depth and trajectory: a witness that has not seen the training."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Int64

from egodepth.clip.aligned import Aligned
from egodepth.clip.confidence import confidence
from egodepth.clip.recording import Recording
from egodepth.evaluation.odometry import score_trajectory

_FEWEST = 20
"""Sparse points in a frame, and frames, that a comparison needs."""


@dataclass(frozen=True)
class SparseCheck:
    """The model against sparse points and poses, both up to one scale."""

    frames: int
    points: int
    """Sightings of points."""
    abs_rel: float
    """Mean relative difference of depth, one factor for the whole recording."""
    abs_rel_per_frame: float
    """The same with a factor for each frame, as the field reports video alone."""
    abs_rel_confident: float
    """As `abs_rel`, of the half of the sightings whose depth the model is surer of."""
    ate_percent: float
    """RMSE of the positions after Sim(3) alignment, percent of the length of the way."""


def check_sparse(file: Path, recording: Recording, aligned: Aligned) -> SparseCheck | None:
    """Compare with the `sparse.npz` of `egodepth camera`; None where it is not there, or not of this recording."""
    if not file.is_file():
        return None
    with np.load(file) as arrays:
        sparse = {name: arrays[name] for name in ("xyz", "observations", "frames", "world_from_camera")}
    place_of = {
        number: aligned.place_of(seconds)
        for row in recording.rows
        for number, seconds in zip(row.numbers, row.seconds.tolist(), strict=True)
    }
    found, true, sure = [], [], []
    for position, number in enumerate(sparse["frames"].tolist()):
        if number not in place_of:
            return None
        points = sparse["xyz"][sparse["observations"][sparse["observations"][:, 0] == position, 1]]
        depth, predicted, trust = _sampled(recording, aligned, place_of[number], points, sparse, position)
        if len(depth) >= _FEWEST:
            found.append(predicted)
            true.append(depth)
            sure.append(trust)
    if len(found) < 3:
        return None
    predicted, depth, trust = np.concatenate(found), np.concatenate(true), np.concatenate(sure)
    error = np.abs(predicted * np.median(depth / predicted) / depth - 1)
    single = [np.abs(f * np.median(t / f) / t - 1) for f, t in zip(found, true, strict=True)]
    return SparseCheck(
        frames=len(found),
        points=len(depth),
        abs_rel=float(error.mean()),
        abs_rel_per_frame=float(np.concatenate(single).mean()),
        abs_rel_confident=float(error[trust >= np.median(trust)].mean()),
        ate_percent=_ate_percent(recording, aligned, sparse["frames"], sparse["world_from_camera"]),
    )


def _sampled(
    recording: Recording,
    aligned: Aligned,
    place: int,
    points: Float64[np.ndarray, "k 3"],
    sparse: dict[str, np.ndarray],
    position: int,
) -> tuple[Float64[np.ndarray, " m"], Float64[np.ndarray, " m"], Float64[np.ndarray, " m"]]:
    """Depth of the points that a frame sees, the model's depth there, and its confidence."""
    pose = sparse["world_from_camera"][position]
    local = (points - pose[:3, 3]) @ pose[:3, :3]
    camera, maps = recording.drive.camera, aligned.frame(place)
    height, width = maps.inverse_depth.shape
    uv = local[:, :2] / local[:, 2:] * camera.focal.numpy() + camera.centre.numpy()
    inside = (local[:, 2] > 0) & ((uv > 0) & (uv < 1)).all(1)
    x, y = (uv[inside] * (width, height)).astype(int).T
    return (
        local[inside, 2],
        1 / maps.inverse_depth[y, x].astype(np.float64),
        confidence(maps)[y, x].astype(np.float64),
    )


def _ate_percent(
    recording: Recording,
    aligned: Aligned,
    numbers: Int64[np.ndarray, " f"],
    world_from_camera: Float64[np.ndarray, "f 4 4"],
) -> float:
    """Of the row with the most frames that have a pose; NaN with fewer than three."""
    best = (np.empty((0, 4, 4)), np.empty((0, 4, 4)))
    for index, row in enumerate(recording.rows):
        shared, ours, theirs = np.intersect1d(row.numbers, numbers, return_indices=True)
        if len(shared) > len(best[0]):
            best = aligned.row_poses[index][ours], world_from_camera[theirs]
    found, true = best
    if len(found) < 3:
        return float("nan")
    scores = score_trajectory(found, true)
    return 100 * scores.ate_m / scores.path_m
