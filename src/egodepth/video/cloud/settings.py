"""Settings of a point cloud."""

from dataclasses import dataclass
from math import inf

from egodepth.foundation.errors import require


@dataclass(frozen=True, kw_only=True)
class CloudSettings:
    """Cleaning and fusion of a cloud. Lengths are relative, so that they suit depth of any unit."""

    min_confidence: float | None = None
    """Drop pixels with less confidence, the probability that depth is within 10 %; 0 keeps all. Left out: 0.7, or the
    median of a frame in which it is less, so that half of the frame is kept."""
    max_error: float = inf
    """Drop pixels whose expected relative error is larger, if the depth maps have one; inf keeps all."""
    far: float = 4.0
    """Drop pixels beyond this many times the median depth of their frame and its neighbours: the sky, and depth that a
    small error of disparity moves far. inf keeps all."""
    flying: float = 0.03
    """Drop flying pixels between two surfaces: depth that changes by this share per pixel, and by more than on both
    sides. inf keeps all."""
    edge_px: int = 4
    """Width in pixels, to either side, over which networks smear a depth edge."""
    motion: float = 0.04
    """Use a frame once the camera has moved by this share of the median depth, or has turned by `turn_deg`."""
    turn_deg: float = 5.0
    neighbours: int = 3
    """Compare each frame with this many frames before and after it: every second one of the used frames."""
    agreeing: int = 2
    """Least number of these frames that must see a point at its place; no more may see through it. 0 disables the
    check."""
    tolerance: float = 0.07
    """Depth agrees within this share."""
    voxel: float | None = None
    """Side of the voxels, each of which gives one point, in the unit of the depth. Left out: four pixels wide at the
    median depth of the first frames."""
    min_frames: int = 2
    """Drop points that fewer of the used frames saw, if there are that many frames."""
    most_voxels: int = 4_000_000
    """Voxels grow to twice their side whenever there are more than this. The default needs up to 0.9 GB to sort."""

    def __post_init__(self) -> None:
        shares = (self.far, self.flying, self.tolerance)
        sure = self.min_confidence is None or 0 <= self.min_confidence <= 1
        require(sure, f"min_confidence {self.min_confidence}: 0 to 1 are possible")
        require(all(share > 0 for share in shares), "far, flying and tolerance must be above 0")
        require(self.max_error > 0, f"--max-error {self.max_error}: a share of the depth, above 0")
        require(self.motion >= 0 and self.turn_deg >= 0, "motion and turn_deg cannot be negative")
        require(self.edge_px >= 1, f"edge_px {self.edge_px}: at least 1")
        require(0 <= self.agreeing <= 2 * self.neighbours, "agreeing: 0 to twice neighbours are possible")
        require(self.voxel is None or self.voxel > 0, "voxel must be above 0")
        require(self.min_frames >= 1 and self.most_voxels >= 1, "min_frames and most_voxels: at least 1")
