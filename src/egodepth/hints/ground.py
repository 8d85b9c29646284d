"""The road before a mounted camera, and hints that contradict it.

Moving objects have a different parallax, so comparing frames gives them a wrong depth. A car that moves along shows no
parallax: it seems far away, and below the camera's height that depth would be under the road. An oncoming car seems
near, so that it hovers: the road is visible below it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float32, Float64

from egodepth.data.media.frame_numbers import spread_places
from egodepth.geometry import Camera
from egodepth.geometry.road_plane import exact_rays, road_plane

_FRAMES = 24
"""Number of evenly spaced frames in which the road is searched."""
_LEAST_SHARE, _STEADY = 0.5, 0.2
"""Least share of these frames that must show a road; and largest relative deviation of a typical frame's road from the
common one. A hand-held camera has no common road."""
_HEIGHTS = 12.0
"""Distance in camera heights up to which the road is used: beyond, slopes and nodding of the camera move it."""
_SEEN_HEIGHTS = 25.0
"""Distance in camera heights up to which a hint can be recognised as road."""
_FARTHEST = 0.1
"""Share of these frames whose road may be farther than `Road.limit`: the camera nods."""
_LEAST_KNOWN = 0.01
"""Least share of the pixels before the camera that need a hint: plain asphalt has hints only at its markings."""
_DEEPER = 1.2
"""Factor on the road's depth beyond which a hint is under the road."""
_ON, _ROWS = 0.15, 4
"""Largest relative difference of inverse depth of a hint on the road; and the number of vertically adjacent rows that
are needed to see the road. A wrong hint on a car sometimes has the depth of the road behind it."""
_IN_FRONT, _HOVERS = 1.3, 1.6
"""A hovering hint is nearer by these factors than the road in its pixel, and than the road visible below it. A bumper
is up to 1.3 times nearer than the road visible under it; a car that comes at the camera's speed seems twice as near."""


@dataclass(frozen=True)
class Road:
    """The road of one part of a recording, in the unit of its hints."""

    inverse_depth: Float32[np.ndarray, "h w"]
    """Inverse depth of the typical road; 0 above its horizon."""
    limit: Float32[np.ndarray, "h w"]
    """Inverse depth of the farthest road, except for a tenth of the frames, because the camera nods and roads bend.
    Nothing lies beyond it. 0 where the road is not used."""
    height: float
    """Height of the camera over the typical road."""

    @property
    def near(self) -> Bool[np.ndarray, "h w"]:
        """Pixels in which the typical road, if visible, can be recognised."""
        return self.inverse_depth * self.height > 1 / _SEEN_HEIGHTS


def road_of(hint: Callable[[int], Float32[np.ndarray, "h w"]], frames: Sequence[int], camera: Camera) -> Road | None:
    """Return the road before a mounted camera; None without a steady one.

    Args:
        hint: returns the inverse depth of a frame, 0 where unknown; all in one unit.
        frames: the frames of one part of a recording, as arguments of `hint`.
        camera: the camera of all frames, unbatched.
    """
    some = [frames[place] for place in spread_places(len(frames), _FRAMES)]
    maps = [torch.from_numpy(hint(frame)) for frame in some]
    planes = [
        plane
        for inverse_depth in maps
        if (plane := road_plane(inverse_depth, camera, known=inverse_depth > 0, least_known=_LEAST_KNOWN)) is not None
    ]
    if len(planes) < max(2, _LEAST_SHARE * len(some)):
        return None
    rays = exact_rays(camera, (maps[0].shape[0], maps[0].shape[1])).numpy()
    typical: Float64[np.ndarray, " 3"] = np.median(planes, 0)
    road, height = np.tensordot(typical, rays, 1), 1 / float(np.linalg.norm(typical))
    judged = road * height > 1 / _HEIGHTS
    roads = np.array(planes) @ rays[:, judged]
    if not judged.any() or np.median(np.abs(roads / road[judged] - 1).max(1)) > _STEADY:
        return None
    limit = np.zeros(judged.shape, np.float32)
    limit[judged] = np.quantile(roads, _FARTHEST, 0).clip(0)
    return Road(road.clip(0).astype(np.float32), limit, height)


def impossible(inverse_depth: Float32[np.ndarray, "h w"], road: Road) -> Bool[np.ndarray, "h w"]:
    """Return the pixels whose hint is under the road, or hovers over it below the height of the camera."""
    known = inverse_depth > 0
    under = known & (inverse_depth * np.float32(_DEEPER) < road.limit)
    on = known & (np.abs(inverse_depth - road.inverse_depth) < _ON * road.inverse_depth) & road.near
    seen = on.copy()
    for up in range(1, _ROWS):
        seen[up:] &= on[:-up]
    seen[: _ROWS - 1] = False
    roads = np.where(seen, road.inverse_depth, np.float32(np.inf))
    farthest_below = np.minimum.accumulate(roads[::-1])[::-1]
    in_front = (road.inverse_depth > 0) & (inverse_depth > np.float32(_IN_FRONT) * road.inverse_depth)
    return under | (in_front & (farthest_below * np.float32(_HOVERS) < inverse_depth))
