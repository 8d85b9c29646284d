"""The content of a report, independent of HTML.

Positions and points are in one world: x right, y down, z forward, the axes of its first camera. Texts are plain: the
page escapes them.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Shaped, UInt8


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A sentence of the verdict."""

    text: str
    warning: bool = False
    """Whether it warns about an unreliable result."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A row of the diagnostics."""

    name: str
    value: str
    """Value with its unit."""
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class FigureGroup:
    """Rows of the diagnostics that belong together."""

    name: str
    figures: tuple[Figure, ...]


@dataclass(frozen=True, kw_only=True)
class PageFrame:
    """A frame to display, already small: about 480 pixels wide."""

    label: str
    seconds: float
    """Time in the video."""
    image: UInt8[np.ndarray, "h w 3"]
    depth: UInt8[np.ndarray, "h w 3"]
    """Coloured depth."""
    confidence: UInt8[np.ndarray, "h w 3"]
    """Coloured confidence."""
    hint: UInt8[np.ndarray, "h w 3"] | None = None
    """Coloured depth hint from before training; None without hints."""


@dataclass(frozen=True, kw_only=True)
class Series:
    """A line over time; NaN makes a gap."""

    name: str
    seconds: Shaped[np.ndarray, " n"]
    values: Shaped[np.ndarray, " n"]


@dataclass(frozen=True, kw_only=True)
class Plot:
    """Lines over time that share an axis."""

    name: str
    axis: str
    """Quantity of the values, with their unit."""
    series: tuple[Series, ...]


@dataclass(frozen=True, kw_only=True)
class Reliability:
    """Stated and found shares of points, in groups of them."""

    name: str
    said: tuple[float, ...]
    found: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Segment:
    """An unbroken piece of the camera's trajectory: from one cut to the next."""

    name: str
    seconds: Float[np.ndarray, " n"]
    positions: Float[np.ndarray, "n 3"]


@dataclass(frozen=True, kw_only=True)
class PageContent:
    """Everything on the page. Fields that are empty or None are omitted."""

    title: str
    summary: tuple[Finding, ...]
    """The verdict in words, the most important first."""
    figures: tuple[FigureGroup, ...]
    frames: tuple[PageFrame, ...]
    """About 12 to 40, ascending in time."""
    plots: tuple[Plot, ...]
    segments: tuple[Segment, ...]
    cloud_xyz: Float32[np.ndarray, "n 3"]
    cloud_rgb: UInt8[np.ndarray, "n 3"]
    unit: str
    """Unit of positions and points: "metres" or "units up to scale"."""
    reliability: tuple[Reliability, ...] = ()
    """Diagram of the stated errors."""
    video: str | None = None
    """Path of the depth video, relative to the page."""
    files: tuple[tuple[str, str], ...] = ()
    """Paths relative to the page, with descriptions."""

    def position_at(self, seconds: float) -> Float[np.ndarray, " 3"] | None:
        """Return the camera's position at the known time nearest to this one; None without a trajectory."""
        times = np.concatenate([np.zeros(0), *(segment.seconds for segment in self.segments)])
        positions = np.concatenate([np.zeros((0, 3)), *(segment.positions for segment in self.segments)])
        known = np.isfinite(positions).all(1)
        if not known.any():
            return None
        return positions[known][np.argmin(np.abs(times[known] - seconds))]
