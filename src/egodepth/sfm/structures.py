"""What structure from motion is given and what a reconstruction is, in the house's units: no library's types."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, Int32, UInt8


@dataclass(frozen=True, kw_only=True)
class SfmSettings:
    """What determines a reconstruction, beside its frames."""

    fov_deg: float = 60.0
    """First guess, where the camera is not known: horizontal field of view."""
    principal_point: bool = False
    """Whether the centre is refined, too, or stays in the middle of the image."""
    features: int = 1500
    """Up to how many an image."""
    threads: int = -1
    """-1: all. The mapping itself has one: with more, its sums come out in another order every time."""
    seed: int = 0
    """Of all that is drawn by lot."""


@dataclass(frozen=True)
class Footage:
    """Frames that one camera took one after another."""

    read: Callable[[int], UInt8[np.ndarray, "h w 3"]]
    """RGB image of a frame by its number, of the shape of `size`."""
    frames: tuple[int, ...]
    """Numbers, ascending."""
    size: tuple[int, int]
    """(height, width) to work on."""


@dataclass(frozen=True, kw_only=True)
class SparsePoints:
    """Points in the world of the reconstruction, whose unit of length is arbitrary."""

    xyz: Float64[np.ndarray, "n 3"]
    rgb: UInt8[np.ndarray, "n 3"]
    error_px: Float32[np.ndarray, " n"]
    """Mean reprojection error, pixels of the images worked on."""
    track_length: Int32[np.ndarray, " n"]
    """In how many frames it was seen."""
    observations: Int32[np.ndarray, "m 2"]
    """(registered frame, point) of every sighting, both by position."""


@dataclass(frozen=True, kw_only=True)
class Reconstruction:
    """A camera and where it was. Axes: x right, y down, z forward."""

    size: tuple[int, int]
    """(height, width) of the images worked on."""
    focal_px: float
    """Of those images; pixels are square."""
    centre_px: tuple[float, float]
    """(x, y), edge to edge: the centre of the first pixel is 0.5."""
    distortion: float
    """k1 of x' = x (1 + k1 r^2), in units of the focal length; 0 where it is not needed."""
    other_focal_px: float
    """Focal length of the model that was not chosen: with distortion where this has none, or without."""
    part_focals_px: tuple[float, ...]
    """Focal length without each part of the frames in turn."""
    registered: tuple[int, ...]
    """Positions of the frames whose pose is known, among those given."""
    world_from_camera: Float64[np.ndarray, "f 4 4"]
