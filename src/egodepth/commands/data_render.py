"""`egodepth data render`: make a set of synthetic drives."""

from dataclasses import dataclass
from pathlib import Path

from egodepth.foundation.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Render:
    """Make synthetic drives: images, stereo partner, exact depth, poses and masks. Run it again to continue."""

    out: Path
    """New or empty folder, or one where the same command was interrupted."""
    train: int = 12
    """Number of drives to train on."""
    val: int = 3
    """Number of drives for validation."""
    test: int = 3
    """Number of drives for the test."""
    frames: int = 60
    """Number of frames in each drive."""
    size: tuple[int, int] = (96, 320)
    """Height and width of the images."""
    fov_deg: float = 0.0
    """Horizontal field of view of all cameras, with square pixels. 0: each drive has a camera similar to KITTI's."""
    winding: float = 1.0
    """Factor on the curvature of the roads: 1 turns by 10 degrees at most, 4 by up to 40."""
    seed: int = 0
    """Random seed. Another seed makes other streets."""
    partner: bool = True
    """Also render the stereo partner's images."""
    processes: int = 0
    """Number of drives rendered in parallel; 0: one per core."""

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
        """Render the missing drives."""
        from egodepth.data.readers.rendered_set import Description
        from egodepth.synthetic.rendering import render

        settings = {name: value for name, value in vars(self).items() if name not in ("out", "processes")}
        render(Description(**settings), self.out, self.processes)
        print(f"{self.out}: drives of {self.frames} frames: {self.train} train, {self.val} val, {self.test} test")
