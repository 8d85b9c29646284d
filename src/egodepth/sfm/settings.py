"""What a search for a camera is told; nothing is imported for it."""

from dataclasses import dataclass

from egodepth.foundation.errors import require

FEWEST_FRAMES = 8
"""Fewer say nothing of a focal length that one could rely on."""
USUAL_FOV_DEG = 60.0
"""Where nothing else is known: phones and action cameras at work have 55 to 70, dashboard cameras up to 120."""


@dataclass(frozen=True, kw_only=True)
class CameraSearch:
    """How the camera of a clip is looked for."""

    fov_deg: float | None = None
    """Horizontal field of view, as far as you know it: where the search begins, and what is written where the clip
    does not tell more. Left out: 60."""
    frames: int = 80
    """How many frames to find the camera in, chosen where it moves and turns."""
    mapped: int = 1000
    """Up to how many frames get a pose; of a longer clip, those around the frames that the camera is found in."""
    principal_point: bool = False
    """Refine the centre of the image, too, rather than take it for the middle."""
    features: int = 1500
    """Features of an image, at most."""
    threads: int = 0
    """Processor threads; 0: all. The camera file is the same with any number."""
    seed: int = 0
    """Of all that is drawn by lot."""

    def __post_init__(self) -> None:
        checks = (
            (self.fov_deg is None or 12 <= self.fov_deg <= 135, f"--fov-deg {self.fov_deg}: 12 to 135 are possible"),
            (FEWEST_FRAMES <= self.frames <= 2000, f"--frames {self.frames}: {FEWEST_FRAMES} to 2000 are possible"),
            (self.mapped >= 2, f"--mapped {self.mapped}: 2 at least"),
            (100 <= self.features <= 100_000, f"--features {self.features}: 100 to 100000 are possible"),
            (self.threads >= 0 and self.seed >= 0, "--threads and --seed cannot be negative"),
        )
        for is_right, message in checks:
            require(is_right, f"camera: {message}")

    @property
    def stated(self) -> str:
        """The field of view that counts where the clip tells none, in words."""
        return f"{self.fov_deg:g} degrees" if self.fov_deg else f"{USUAL_FOV_DEG:g} degrees (nobody gave --fov-deg)"
