"""`egodepth odometry MODEL --data DIR`: predict the camera's trajectory as files and a plot, and score it."""

from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from egodepth.foundation.files import write_text


@dataclass(frozen=True)
class Odometry:
    """Predict the trajectory of every drive, write it in KITTI's and TUM's formats, and score it against ground truth.

    Metrics: 5-frame snippets as published, the RMSE of all positions after Sim(3) alignment (ATE), and KITTI's drift
    over 100 to 800 m. Monocular trajectories have no scale; the alignment sets it.
    """

    data: Path
    """KITTI odometry or raw, a rendered set, or a folder of frames."""
    model: Positional[str] = ""
    """A run folder, a model folder or a hub id, with a pose network."""
    trajectory: Path | None = None
    """Score this file (KITTI's or TUM's format, one pose per frame, one drive) instead of a model's trajectory."""
    drives: tuple[str, ...] = ("*",)
    """Glob patterns of the drives. KITTI's sequences have names such as 09/image_2."""
    split: str = "test"
    """Which split of a rendered set or of Cityscapes."""
    out: Path = Path("runs/odometry")
    """Output folder for trajectories, plots and figures."""
    json: Path | None = None
    """Also write the figures to this JSON file."""
    fps: float | None = None
    """Frames per second, for the times in TUM files. Left out: the frames' own times if footage.json, a times.txt or
    the file names give them, else 10."""
    device: str | None = None
    """`cpu`, `cuda`, ... Left out: the GPU if there is one."""

    def __call__(self) -> None:
        """Predict, write, score and print."""
        from egodepth.evaluation.printing import print_trajectories
        from egodepth.inference.trajectories import write_trajectories

        found = write_trajectories(
            self.data, self.out, self.model, self.trajectory, self.drives, self.split, self.fps, self.device
        )
        if self.json:
            write_text(self.json, found.to_json())
        print_trajectories(found.scores, found.files)
