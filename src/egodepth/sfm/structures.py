"""Input and result of a reconstruction in egodepth's units, without types of a library."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, Int32, UInt8


@dataclass(frozen=True, kw_only=True)
class SfmSettings:
    """Everything that determines a reconstruction, besides its frames."""

    fov_deg: float = 60.0
    """First guess of the horizontal field of view in degrees, if the camera is unknown."""
    principal_point: bool = False
    """Whether the principal point is refined, or is the image centre."""
    features: int = 1500
    """Most features per image."""
    threads: int = -1
    """Number of threads; -1: all. Mapping has one thread: with more, its sums vary with their order."""
    seed: int = 0
    """Random seed."""


@dataclass(frozen=True)
class Footage:
    """Consecutive frames of one camera."""

    read: Callable[[int], UInt8[np.ndarray, "h w 3"]]
    """Returns the RGB image of a frame number, with the aspect ratio of `size`."""
    frames: tuple[int, ...]
    """Frame numbers, ascending."""
    size: tuple[int, int]
    """(height, width) to work with."""


@dataclass(frozen=True, kw_only=True)
class SparsePoints:
    """Points in the world of the reconstruction, whose unit of length is arbitrary."""

    xyz: Float64[np.ndarray, "n 3"]
    rgb: UInt8[np.ndarray, "n 3"]
    error_px: Float32[np.ndarray, " n"]
    """Mean reprojection error, in pixels of the working images."""
    track_length: Int32[np.ndarray, " n"]
    """Number of frames that observe each point."""
    observations: Int32[np.ndarray, "m 2"]
    """(registered frame, point) of every observation, both by position."""
    rays: Float32[np.ndarray, "m 2"]
    """Where each observation lies: x/z and y/z in the frame's axes, without lens distortion; NaN if unknown."""


@dataclass(frozen=True, kw_only=True)
class Reconstruction:
    """A camera and its poses. Axes: x right, y down, z forward."""

    size: tuple[int, int]
    """(height, width) of the working images."""
    focal_px: float
    """Focal length in pixels of those images; pixels are square."""
    centre_px: tuple[float, float]
    """(x, y), edge to edge: the centre of the first pixel is 0.5."""
    distortion: float
    """k1 of x' = x (1 + k1 r^2), in units of the focal length; 0 if not needed."""
    other_focal_px: float
    """Focal length of the rejected model: with distortion if this one has none, or without."""
    part_focals_px: tuple[float, ...]
    """Focal length without each part of the frames in turn."""
    registered: tuple[int, ...]
    """Positions of the frames with a known pose, in the given frames."""
    world_from_camera: Float64[np.ndarray, "f 4 4"]
