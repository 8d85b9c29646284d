"""How a cloud is made."""

from dataclasses import dataclass

from egodepth.foundation.errors import require


@dataclass(frozen=True, kw_only=True)
class CloudSettings:
    """How a cloud is cleaned and fused. Lengths are relative, so that they suit depth of any unit."""

    min_confidence: float = 0.5
    """Pixels of less are dropped; 0 keeps all."""
    far: float = 4.0
    """Pixels beyond this many times the median depth of their and the neighbouring frames are dropped (the sky, and
    what a small error of disparity moves far); inf keeps all."""
    flying: float = 0.03
    """Pixels that hang between two surfaces are dropped: depth that changes by this share from pixel to pixel, and
    does so more than on both sides; inf keeps all."""
    edge_px: int = 4
    """How many pixels wide, to either side, networks smear an edge of depth."""
    motion: float = 0.04
    """A frame is used once the camera has moved by this share of the median depth, or has turned by `turn_deg`."""
    turn_deg: float = 5.0
    neighbours: int = 3
    """So many frames before, and so many after, are compared with each: every second one of those used."""
    agreeing: int = 2
    """So many of them must see a point at its place, and no more of them see through it; 0 asks for none."""
    tolerance: float = 0.07
    """Depth agrees within this share."""
    voxel: float | None = None
    """Side of the cubes that become one point each, in the unit of the depth; None: four pixels wide at the median
    depth of the first frames."""
    min_frames: int = 2
    """Points that fewer of the used frames saw are dropped, where there are that many frames."""
    most_voxels: int = 4_000_000
    """Cubes grow to twice their side whenever there are more. The default needs up to 0.9 GB while it is sorted."""

    def __post_init__(self) -> None:
        shares = (self.far, self.flying, self.tolerance)
        require(0 <= self.min_confidence <= 1, f"min_confidence {self.min_confidence}: 0 to 1 are possible")
        require(all(share > 0 for share in shares), "far, flying and tolerance must be above 0")
        require(self.motion >= 0 and self.turn_deg >= 0, "motion and turn_deg cannot be negative")
        require(self.edge_px >= 1, f"edge_px {self.edge_px}: at least 1")
        require(0 <= self.agreeing <= 2 * self.neighbours, "agreeing: 0 to twice neighbours are possible")
        require(self.voxel is None or self.voxel > 0, "voxel must be above 0")
        require(self.min_frames >= 1 and self.most_voxels >= 1, "min_frames and most_voxels: at least 1")
