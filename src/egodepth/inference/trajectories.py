"""Predict trajectories, write them as files and plots, and score them."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.progress import track

from egodepth.data.drive import Drive, select_drives
from egodepth.data.footage.times import USUAL_FPS, known_times
from egodepth.data.guard import shared_recordings
from egodepth.data.media.frame_numbers import FrameNumbers
from egodepth.data.opening import open_drives
from egodepth.evaluation.trajectory_metrics import OdometryScores, Poses, score_trajectory
from egodepth.evaluation.trajectory_plot import write_trajectory_plot
from egodepth.foundation.errors import InputError, require
from egodepth.foundation.files import refuse_existing, write_text
from egodepth.foundation.progress import warn
from egodepth.foundation.reading import json_object
from egodepth.foundation.trajectory_files import is_from_here, read_trajectory, write_kitti_poses, write_tum_poses
from egodepth.inference.motion import MotionPredictor, trajectory
from egodepth.inference.predictor import DepthPredictor
from egodepth.weights import ModelCard, cameras_of, other_lens

_FIGURES = "odometry.json"


class Trajectories(NamedTuple):
    """Files and scores of a set of trajectories."""

    scores: dict[str, OdometryScores]
    """Scores by drive, for drives with true poses."""
    files: list[Path]

    def to_json(self) -> str:
        """Return the scores as JSON."""
        return json.dumps({name: dataclasses.asdict(score) for name, score in self.scores.items()}, indent=2) + "\n"


def write_trajectories(
    data: Path,
    out: Path,
    model: str = "",
    trajectory_file: Path | None = None,
    drives: tuple[str, ...] = ("*",),
    split: str = "test",
    fps: float | None = None,
    device: str | None = None,
) -> Trajectories:
    """Predict the trajectory of every drive, write it in KITTI's and TUM's formats and as a plot, and score it.

    Args:
        data: the data set.
        out: output folder for the files and for `odometry.json`.
        model: a model with a pose network; none if a file is scored.
        trajectory_file: score this file instead, for one drive.
        drives: glob patterns of the drives.
        split: the split of a rendered set or of Cityscapes.
        fps: frames per second, for TUM's times; None: the frames' own times, or else 10.
        device: None: the GPU if there is one.

    Raises:
        InputError: no such data or model, a drive without three consecutive frames, another number of poses, or files
            in `out` that egodepth did not write.
    """
    require(bool(model) != bool(trajectory_file), "odometry: give either a model or --trajectory FILE")
    require(fps is None or fps > 0, f"--fps {fps or 0:g}: must be positive")
    chosen = select_drives(open_drives(data, split), drives)
    if trajectory_file and len(chosen) > 1:
        names = ", ".join(drive.name for drive in chosen[:4])
        raise InputError(f"--trajectory belongs to one drive; choose with --drives among {names}")
    _require_free(out, chosen)
    motion = None
    if not trajectory_file:
        motion = MotionPredictor(DepthPredictor.load(model, device).model)
        _print_warnings(motion.model.card, chosen)
    found = Trajectories({}, [])
    runs = [(drive, longest_run(drive)) for drive in chosen]  # all of them, before the first prediction
    for drive, frames in runs:
        poses = read_trajectory(trajectory_file).poses if trajectory_file else _predicted(motion, drive, frames)
        if len(poses) != len(frames):
            raise InputError(f"{trajectory_file}: {len(poses)} predicted poses for {len(frames)} frames in a row")
        truth = np.stack([drive.read_pose(frame) for frame in frames]) if drive.has_poses else None
        if truth is not None:
            truth = np.linalg.solve(truth[0], truth)
            found.scores[drive.name] = score_trajectory(poses, truth)
        known = known_times(data, drive.name) if fps is None else None
        times = [known(frame) if known else frame / (fps or USUAL_FPS) for frame in frames]
        found.files.extend(_write(_files(out, drive), drive.name, poses, times, truth, found.scores.get(drive.name)))
    write_text(out / _FIGURES, found.to_json())
    return Trajectories(found.scores, [*found.files, out / _FIGURES])


def _files(out: Path, drive: Drive) -> tuple[Path, Path, Path]:
    """Return the files of a drive: the trajectory in KITTI's and in TUM's format, and the plot."""
    stem = drive.name.replace("/", "_")
    return out / f"{stem}.txt", out / f"{stem}_tum.txt", out / f"{stem}.png"


def _require_free(out: Path, drives: Sequence[Drive]) -> None:
    """Refuse to replace foreign files, such as true poses. Files of egodepth lie beside a TUM file with its header."""
    for drive in drives:
        files = _files(out, drive)
        if not is_from_here(files[1]):
            refuse_existing(files)
    if not _are_ours(out / _FIGURES):
        refuse_existing([out / _FIGURES])


def _write(
    files: tuple[Path, Path, Path],
    name: str,
    poses: Poses,
    times: Sequence[float],
    truth: Poses | None,
    score: OdometryScores | None,
) -> tuple[Path, Path, Path]:
    kitti, tum, plot = files
    # Written first, because it marks the other files as egodepth's if the command is stopped here.
    write_tum_poses(tum, poses, times)
    write_kitti_poses(kitti, poses)
    write_trajectory_plot(plot, name, poses, truth, score)
    return files


def _are_ours(figures: Path) -> bool:
    """Whether a file holds the scores of trajectories."""
    scores = json_object(figures)
    return scores is not None and all(isinstance(one, dict) and "ate_m" in one for one in scores.values())


def _print_warnings(card: ModelCard, drives: list[Drive]) -> None:
    """Print warnings about conditions that make a model's scores too good or too bad."""
    seen = shared_recordings((drive.name for drive in drives), card.training_drives)
    if seen:
        warn(f"The model was trained on {len(seen)} of these drives: {', '.join(seen)}")
    if card.offsets and min(map(abs, card.offsets)) > 1:
        offset = min(map(abs, card.offsets))
        warn(
            f"The pose network was trained on frames with an offset of {offset}, but predicts neighbouring frames here."
        )
    for line in dict.fromkeys(filter(None, (other_lens(card, camera) for camera in cameras_of(drives)))):
        warn(line)


def longest_run(drive: Drive) -> list[int]:
    """Return the longest run of frames without a gap: a trajectory cannot jump."""
    start, length = max(FrameNumbers.of(drive.frames).runs(), key=lambda run: run[1], default=(0, 0))
    if length < 3:
        raise InputError(
            f"{drive.name}: no three frames in a row; a trajectory needs them: choose others with --drives"
        )
    return list(range(start, start + length))


def _predicted(motion: MotionPredictor | None, drive: Drive, frames: list[int]) -> Poses:
    assert motion is not None
    steps = trajectory(motion, frames, drive.read_tensor)
    shown = track(steps, escape(drive.name), total=len(frames), console=Console(stderr=True), transient=True)
    return np.stack(list(shown))
