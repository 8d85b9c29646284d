"""Compare the model's depth and trajectory with structure from motion. Points that no training saw are independent."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64

from egodepth.data.media.frame_numbers import spread_places
from egodepth.evaluation.trajectory_metrics import score_trajectory
from egodepth.sfm.clip_map import ClipMap
from egodepth.video.aligned_clip import Aligned
from egodepth.video.confidence import model_for
from egodepth.video.error_model import UNADAPTED, Adaptation
from egodepth.video.recording import Recording
from egodepth.video.reliability import LIMITS, Groups, Share, grouped, shares

_FEWEST = 5
"""Least number of points in a frame for a comparison."""
_FEWEST_FRAMES = 3
_ADAPTING_FRAMES, _ADAPTING_POINTS = 60, 200
"""Number of frames, and least number of points, to which the expected error is adapted."""
_CELLS = 12, 24
"""Rows and columns of the image-blind answer."""


@dataclass(frozen=True)
class Witness:
    """The points of structure from motion that depth is compared with."""

    clip_map: ClipMap
    """The map of a recording, by the numbers of its extracted frames."""
    held_out: bool
    """Compare only with points that no training saw. Otherwise the model was not trained on the clip: points with an
    even number adapt its expected error (`adaptation`), and the others are compared with."""

    def judges(self, number: Int64[np.ndarray, " k"]) -> Bool[np.ndarray, " k"]:
        """Return whether the points with these numbers are compared with."""
        return self.clip_map.held_out[number] if self.held_out else number % 2 == 1


@dataclass(frozen=True)
class SparseCheck:
    """The model against sparse points and poses, both up to one scale."""

    held_out: bool
    """Whether no training saw the points."""
    frames: int
    points: int
    """Number of observations of points."""
    abs_rel: float
    """Mean relative difference of depth, with one factor for each part of the map."""
    abs_rel_per_frame: float
    """The same with one factor for each frame, as published for monocular training."""
    abs_rel_confident: float
    """As `abs_rel`, for the half of the observations with the higher confidence."""
    abs_rel_network: float
    """As `abs_rel_per_frame`, for the network's depth before the correction by hints."""
    abs_rel_blind: float
    """As `abs_rel_per_frame`, for an image-blind answer: mean depth at the image position, over all frames."""
    within: tuple[Share, ...]
    """The errors that were expected, and those of `abs_rel` that were found."""
    groups: tuple[Groups, ...]
    """The same in groups of points, for a diagram: one for each of `LIMITS`."""
    ate_percent: float | None
    """RMSE of the positions after Sim(3) alignment, in percent of the path length; None if the trajectory itself comes
    from structure from motion."""


@dataclass(frozen=True)
class _Sightings:
    """Points that one frame observes."""

    part: int
    cell: Int64[np.ndarray, " k"]
    """Cell of the image-blind answer."""
    depth: Float64[np.ndarray, " k"]
    predicted: Float64[np.ndarray, " k"]
    by_network: Float64[np.ndarray, " k"]
    expected_error: Float64[np.ndarray, " k"]
    judges: Bool[np.ndarray, " k"]
    """The points to compare with; the others define the image-blind answer."""


def check_points(witness: Witness | None, recording: Recording, aligned: Aligned) -> SparseCheck | None:
    """Compare the depth and trajectory of a recording with points; None without any, or with too few."""
    if witness is None:
        return None
    clip_map, held_out = witness.clip_map, witness.held_out
    frames = _frames(witness, recording, aligned)
    blind = _blind_answer(frames)
    frames = [frame for frame in frames if frame.judges.sum() >= _FEWEST]
    if len(frames) < _FEWEST_FRAMES:
        return None
    expected = np.concatenate([frame.expected_error[frame.judges] for frame in frames])
    model = model_for(aligned.hint_scales is not None)
    factors = {part: _part_factor(frames, part) for part in {frame.part for frame in frames}}
    errors = np.concatenate(
        [_errors(frame.depth[frame.judges], frame.predicted[frame.judges], factors[frame.part]) for frame in frames]
    )
    return SparseCheck(
        held_out=held_out,
        frames=len(frames),
        points=len(errors),
        abs_rel=float(errors.mean()),
        abs_rel_per_frame=_per_frame(frames, [frame.predicted for frame in frames]),
        abs_rel_confident=float(errors[expected <= np.median(expected)].mean()),
        abs_rel_network=_per_frame(frames, [frame.by_network for frame in frames]),
        abs_rel_blind=_per_frame(frames, [blind[frame.cell] for frame in frames]),
        within=shares(model, expected, errors),
        groups=tuple(grouped(model, expected, errors, limit) for limit in LIMITS),
        ate_percent=_ate_percent(recording, aligned, clip_map) if not _of_the_map(aligned) else None,
    )


def adaptation(witness: Witness, recording: Recording, aligned: Aligned) -> Adaptation:
    """Return how the errors at the points that do not judge differ from the expected ones; none with too few points."""
    frames = _frames(witness, recording, aligned, _ADAPTING_FRAMES)
    factors = {part: _part_factor(frames, part) for part in {frame.part for frame in frames}}
    errors = [_errors(frame.depth, frame.predicted, factors[frame.part])[~frame.judges] for frame in frames]
    if sum(map(len, errors)) < _ADAPTING_POINTS:
        return UNADAPTED
    expected = np.concatenate([frame.expected_error[~frame.judges] for frame in frames])
    return Adaptation.of(expected, np.concatenate(errors))


def _frames(witness: Witness, recording: Recording, aligned: Aligned, most: int | None = None) -> list[_Sightings]:
    """Return the points that the registered frames observe: all frames, or evenly spaced ones."""
    place_of = {
        number: aligned.place_of(seconds)
        for row in recording.rows
        for number, seconds in zip(row.numbers, row.seconds.tolist(), strict=True)
    }
    clip_map = witness.clip_map
    known = [
        (position, place_of[number])
        for position, number in enumerate(clip_map.frames.tolist())
        if number in place_of and clip_map.registered[position]
    ]
    chosen = range(len(known)) if most is None else spread_places(len(known), most)
    return [
        _sightings(witness, position, recording, aligned, place) for position, place in (known[each] for each in chosen)
    ]


def _sightings(witness: Witness, position: int, recording: Recording, aligned: Aligned, place: int) -> _Sightings:
    clip_map = witness.clip_map
    number, uv, depth = clip_map.image_points(position, recording.drive.camera)
    inside = ((uv > 0) & (uv < 1)).all(1)
    number, uv, depth = number[inside], uv[inside], depth[inside]
    by_network, maps = aligned.cues.shown(place).network, aligned.frame(place)
    height, width = maps.inverse_depth.shape
    x, y = (uv * (width, height)).astype(int).T
    column, row = (uv * _CELLS[::-1]).astype(int).T
    return _Sightings(
        part=int(clip_map.part[position]),
        cell=row * _CELLS[1] + column,
        depth=depth,
        predicted=1 / maps.inverse_depth[y, x].astype(np.float64),
        by_network=1 / by_network.inverse_depth[y, x].astype(np.float64),
        expected_error=aligned.trust(place).expected_error[y, x].astype(np.float64),
        judges=witness.judges(number),
    )


def _blind_answer(frames: list[_Sightings]) -> Float64[np.ndarray, " cells"]:
    """Return the depth of every image cell: from its points' mean inverse depth over each frame's median."""
    total, count = np.zeros(_CELLS[0] * _CELLS[1]), np.zeros(_CELLS[0] * _CELLS[1])
    for frame in frames:
        if len(frame.depth):
            np.add.at(total, frame.cell, np.median(frame.depth) / frame.depth)
            np.add.at(count, frame.cell, 1)
    known = count > 0
    everywhere = total.sum() / max(count.sum(), 1)
    return 1 / np.maximum(np.where(known, total / np.maximum(count, 1), everywhere), 1e-9)


def _part_factor(frames: list[_Sightings], part: int) -> float:
    return float(np.median(np.concatenate([f.depth / f.predicted for f in frames if f.part == part])))


def _per_frame(frames: list[_Sightings], predicted: list[Float64[np.ndarray, " _"]]) -> float:
    """Return the mean error of predictions for all points of each frame, with one factor per frame."""
    errors = [
        _errors(frame.depth, depth, float(np.median(frame.depth / depth)))[frame.judges]
        for frame, depth in zip(frames, predicted, strict=True)
    ]
    return float(np.concatenate(errors).mean())


def _errors(
    depth: Float64[np.ndarray, " k"], predicted: Float64[np.ndarray, " k"], factor: float
) -> Float64[np.ndarray, " k"]:
    return np.abs(factor * predicted / depth - 1)


def _of_the_map(aligned: Aligned) -> bool:
    """Whether the trajectory comes from structure from motion."""
    return any(np.isfinite(trajectory.units).any() for trajectory in aligned.row_trajectories)


def _ate_percent(recording: Recording, aligned: Aligned, clip_map: ClipMap) -> float:
    """Return the error for the row with the most posed frames; NaN with fewer than three."""
    best = (np.empty((0, 4, 4)), np.empty((0, 4, 4)))
    for index, row in enumerate(recording.rows):
        shared, ours, theirs = np.intersect1d(row.numbers, clip_map.frames, return_indices=True)
        if len(shared) > len(best[0]):
            best = aligned.row_poses[index][ours], clip_map.world_from_camera[theirs]
    found, true = best
    if len(found) < _FEWEST_FRAMES:
        return float("nan")
    scores = score_trajectory(found, true)
    return 100 * scores.ate_m / scores.path_m
