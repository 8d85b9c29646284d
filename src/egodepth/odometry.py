"""`egodepth odometry MODEL --data DIR`: where the camera went, as files and a plot, and how far off that is."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.progress import track
from rich.table import Table
from tyro.conf import Positional

from egodepth.data.drive import Drive, select_drives
from egodepth.data.footage.times import USUAL_FPS, known_times
from egodepth.data.frame_numbers import FrameNumbers
from egodepth.data.kitti.test_sets import shared_recordings
from egodepth.data.opening import open_drives
from egodepth.errors import InputError
from egodepth.evaluation.odometry import OdometryScores, Poses, score_trajectory
from egodepth.evaluation.trajectory_plot import write_trajectory_plot
from egodepth.files import refuse_existing, write_text
from egodepth.motion import MotionPredictor, trajectory
from egodepth.predictor import DepthPredictor
from egodepth.progress import warn
from egodepth.reading import read_json
from egodepth.trajectory_files import is_from_here, read_trajectory, write_kitti_poses, write_tum_poses
from egodepth.weights import ModelCard, cameras_of, other_lens

_FIGURES = "odometry.json"


@dataclass(frozen=True)
class Odometry:
    """Predict the trajectory of every drive, write it in KITTI's and TUM's formats, and score it where truth is there.

    Figures: 5-frame snippets as published, the RMSE of all positions after Sim(3) alignment (ATE), and KITTI's drift
    over 100 to 800 m. Monocular trajectories have no scale of their own: the alignment's is used.
    """

    data: Path
    """KITTI odometry or raw, a rendered set, or a folder of frames."""
    model: Positional[str] = ""
    """A run folder, a model folder or a hub id, with a pose network."""
    trajectory: Path | None = None
    """Score this file (KITTI's format or TUM's, one pose a frame, one drive) instead of a model's trajectory."""
    drives: tuple[str, ...] = ("*",)
    """Glob patterns of the drives; KITTI's sequences are called 09/image_2, ..."""
    split: str = "test"
    """Which drives of a rendered set or of Cityscapes."""
    out: Path = Path("runs/odometry")
    """Folder for trajectories, plots and figures."""
    json: Path | None = None
    """Write the figures to this file, too."""
    fps: float | None = None
    """Frames a second, for the times in TUM's files. Left out: the frames' own times, where egodepth data extract, a
    times.txt or their names say them; else 10."""
    device: str | None = None
    """`cpu`, `cuda`, ...; the GPU if there is one when left out."""

    def __call__(self) -> None:
        """Predict, write, score, print."""
        drives = self._drives()
        self._require_free(drives)
        motion = None
        if not self.trajectory:
            motion = MotionPredictor(DepthPredictor.load(self.model, self.device).model)
            _say_what_to_mind(motion.model.card, drives)
        scores: dict[str, OdometryScores] = {}
        paths: list[Path] = []
        runs = [(drive, longest_run(drive)) for drive in drives]  # all, before the first is predicted
        for drive, frames in runs:
            poses = read_trajectory(self.trajectory).poses if self.trajectory else _predicted(motion, drive, frames)
            if len(poses) != len(frames):
                raise InputError(f"{self.trajectory}: {len(poses)} predicted poses for {len(frames)} frames in a row")
            truth = np.stack([drive.read_pose(frame) for frame in frames]) if drive.has_poses else None
            if truth is not None:
                truth = np.linalg.solve(truth[0], truth)
                scores[drive.name] = score_trajectory(poses, truth)
            paths += self._write(drive, frames, poses, truth, scores.get(drive.name))
        result = {name: dataclasses.asdict(score) for name, score in scores.items()}
        for path in [self.out / _FIGURES, *([self.json] if self.json else [])]:
            write_text(path, json.dumps(result, indent=2) + "\n")
        _print(scores, [*paths, self.out / _FIGURES])

    def _drives(self) -> list[Drive]:
        if bool(self.model) == bool(self.trajectory):
            raise InputError("odometry: give either a model or --trajectory FILE")
        if self.fps is not None and self.fps <= 0:
            raise InputError(f"--fps {self.fps:g}: must be positive")
        drives = select_drives(open_drives(self.data, self.split), self.drives)
        if self.trajectory and len(drives) > 1:
            names = ", ".join(drive.name for drive in drives[:4])
            raise InputError(f"--trajectory belongs to one drive; choose with --drives among {names}")
        return drives

    def _files(self, drive: Drive) -> tuple[Path, Path, Path]:
        """Of a drive: its trajectory in KITTI's and in TUM's format, and the plot."""
        stem = drive.name.replace("/", "_")
        return self.out / f"{stem}.txt", self.out / f"{stem}_tum.txt", self.out / f"{stem}.png"

    def _require_free(self, drives: list[Drive]) -> None:
        """Refuse to replace what is not from here, such as true poses; ours stand beside a TUM file with our header."""
        for drive in drives:
            files = self._files(drive)
            if not is_from_here(files[1]):
                refuse_existing(files)
        if not _are_ours(self.out / _FIGURES):
            refuse_existing([self.out / _FIGURES])

    def _write(
        self, drive: Drive, frames: list[int], poses: Poses, truth: Poses | None, score: OdometryScores | None
    ) -> list[Path]:
        known = known_times(self.data, drive.name) if self.fps is None else None
        fps = self.fps or USUAL_FPS
        times = known or (lambda frame: frame / fps)
        kitti, tum, plot = self._files(drive)
        # First, as it says whose the other files are, should this be stopped here.
        write_tum_poses(tum, poses, [times(frame) for frame in frames[: len(poses)]])
        write_kitti_poses(kitti, poses)
        write_trajectory_plot(plot, drive.name, poses, truth, score)
        return [kitti, tum, plot]


def _are_ours(figures: Path) -> bool:
    """Whether a file holds figures of trajectories."""
    try:
        scores = read_json(figures)
    except (OSError, ValueError):
        return False
    return isinstance(scores, dict) and all(isinstance(one, dict) and "ate_m" in one for one in scores.values())


def _say_what_to_mind(card: ModelCard, drives: list[Drive]) -> None:
    """What makes the figures of a model better or worse than they should be."""
    seen = shared_recordings((drive.name for drive in drives), card.training_drives)
    if seen:
        warn(f"The model was trained on {len(seen)} of these drives: {', '.join(seen)}")
    if card.offsets and min(map(abs, card.offsets)) > 1:
        apart = min(map(abs, card.offsets))
        warn(f"The pose network was trained on frames {apart} apart, and is asked for neighbours.")
    for line in dict.fromkeys(filter(None, (other_lens(card, camera) for camera in cameras_of(drives)))):
        warn(line)


def longest_run(drive: Drive) -> list[int]:
    """The longest row of frames without a gap: a trajectory cannot jump."""
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


def _print(scores: dict[str, OdometryScores], paths: list[Path]) -> None:
    console = Console()
    if scores:
        table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
        table.add_column("drive")
        for heading in ("frames", "path m", "5-frame m", "ATE m", "scale", "t_rel %", "r_rel °/100m"):
            table.add_column(heading, justify="right", no_wrap=True)
        for name, s in scores.items():
            drift = [f"{value:.2f}" if value is not None else "-" for value in (s.t_rel_percent, s.r_rel_deg_per_100m)]
            figures = (f"{s.path_m:.0f}", f"{s.snippet_mean:.3f} ± {s.snippet_std:.3f}", f"{s.ate_m:.3f}")
            table.add_row(escape(name), str(s.frames), *figures, f"{s.scale:.4g}", *drift)
        console.print(table)
    else:
        console.print("no true poses: trajectories are written, not scored")
    for path in paths:
        console.print(str(path), soft_wrap=True, highlight=False)
