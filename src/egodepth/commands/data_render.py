"""`egodepth data render`: make a set of synthetic drives."""

from dataclasses import dataclass
from pathlib import Path

from egodepth.foundation.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Render:
    """Make synthetic drives: images, stereo partner, exact depth, poses and masks. Run again, it goes on."""

    out: Path
    """New or empty folder, or one where the same command was interrupted."""
    train: int = 12
    """Drives to train on."""
    val: int = 3
    """Drives to choose models by."""
    test: int = 3
    """Drives to score models on."""
    frames: int = 60
    """Frames of each drive."""
    size: tuple[int, int] = (96, 320)
    """Height and width."""
    fov_deg: float = 0.0
    """Horizontal field of view of all cameras, whose pixels are then square; 0: a camera near KITTI's a drive."""
    winding: float = 1.0
    """How many times as far the roads swing to either side: 1 turns by 10 degrees at most, 4 by up to 40."""
    seed: int = 0
    """Another seed makes other streets."""
    partner: bool = True
    """Render the stereo partner's images, too."""
    processes: int = 0
    """Drives rendered at the same time; 0: as many as there are cores."""

    def __post_init__(self) -> None:
        counts = (self.train, self.val, self.test)
        checks = (
            (all(0 <= count < 10_000 for count in counts) and any(counts), "drives of a split: 0 to 9999, not all 0"),
            (3 <= self.frames <= 100_000, f"frames {self.frames}: 3 to 100000 are possible"),
            (all(16 <= side <= 4096 for side in self.size), f"size {self.size}: sides of 16 to 4096 are possible"),
            (not self.fov_deg or 12 <= self.fov_deg <= 135, f"--fov-deg {self.fov_deg:g}: 12 to 135 are possible"),
            (0 <= self.winding <= 6, f"--winding {self.winding:g}: 0 to 6 are possible"),
            (self.seed >= 0 and self.processes >= 0, "seed and processes cannot be negative"),
        )
        for is_right, message in checks:
            if not is_right:
                raise InputError(f"data render: {message}")

    def __call__(self) -> None:
        """Render what is missing, drive by drive."""
        from egodepth.data.readers.rendered_set import Description
        from egodepth.synthetic.rendering import render

        settings = {name: value for name, value in vars(self).items() if name not in ("out", "processes")}
        render(Description(**settings), self.out, self.processes)
        print(f"{self.out}: drives of {self.frames} frames: {self.train} train, {self.val} val, {self.test} test")
