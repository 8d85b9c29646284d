"""`egodepth odometry MODEL --data DIR`: where the camera went, as files and a plot, and how far off that is."""

from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from egodepth.foundation.files import write_text


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
        from egodepth.evaluation.printing import print_trajectories
        from egodepth.inference.trajectories import write_trajectories

        found = write_trajectories(
            self.data, self.out, self.model, self.trajectory, self.drives, self.split, self.fps, self.device
        )
        if self.json:
            write_text(self.json, found.to_json())
        print_trajectories(found.scores, found.files)
