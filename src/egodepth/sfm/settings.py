"""Options of a camera search. This module imports nothing heavy."""

from dataclasses import dataclass

from egodepth.foundation.errors import require

FEWEST_FRAMES = 8
"""Fewer frames do not determine a focal length reliably."""
USUAL_FOV_DEG = 60.0
"""Default field of view: phones and action cameras have 55 to 70, dashboard cameras up to 120."""


@dataclass(frozen=True, kw_only=True)
class CameraSearch:
    """Options of the search for a clip's camera."""

    fov_deg: float | None = None
    """Horizontal field of view in degrees, as far as you know it. The search starts with it, and it is written if the
    clip does not determine a better one. Left out: 60."""
    frames: int = 80
    """Number of frames in which the camera is searched, chosen where it moves and turns."""
    mapped: int = 1000
    """Most frames that get a pose. In a longer clip, these are around the frames of the search."""
    principal_point: bool = False
    """Also refine the principal point, instead of using the image centre."""
    features: int = 1500
    """Most features per image."""
    threads: int = 0
    """Number of processor threads; 0: all. The camera file does not depend on it."""
    seed: int = 0
    """Random seed."""

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
        """The field of view for a clip that does not determine it, in words."""
        return f"{self.fov_deg:g} degrees" if self.fov_deg else f"{USUAL_FOV_DEG:g} degrees (--fov-deg was not given)"
