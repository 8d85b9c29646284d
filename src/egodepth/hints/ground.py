"""The road before a mounted camera, and the hints that cannot be because of it.

What moves has another parallax than what stands, and a comparison of frames takes it for nearer or farther. A car that
moves along shows none: it seems far away, and there, lower than the camera, it would lie under the road. One that comes
towards the camera seems near, and hovers: the road is seen below it.
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
"""Evenly spread, in which the road is looked for."""
_LEAST_SHARE, _STEADY = 0.5, 0.2
"""Of these frames, those that have to show a road; and by what share a typical frame's may be off the common one
anywhere. A camera in the hand has no common one."""
_HEIGHTS = 12.0
"""Camera heights up to which the road is judged: farther away, a slope or a nod of the camera moves it too much."""
_SEEN_HEIGHTS = 25.0
"""Camera heights up to which a hint can be recognised as road."""
_FARTHEST = 0.1
"""Share of these frames whose road may be farther away than `Road.limit`: the camera nods."""
_LEAST_KNOWN = 0.01
"""Of the pixels before the camera, those that need a hint: plain asphalt has some at its markings alone."""
_DEEPER = 1.2
"""Times as far away as the road: what is farther lies under it."""
_ON, _ROWS = 0.15, 4
"""Relative difference of inverse depth up to which a hint is on the road; and in how many rows, one below the other, it
has to be for the road to be seen there. A wrong hint on a car is as far away as the road behind it now and then."""
_IN_FRONT, _HOVERS = 1.3, 1.6
"""What hovers is this many times nearer than the road in its pixel, and than the road seen below it. A bumper is up to
1.3 times nearer than the road seen under it; what comes as fast as the camera goes seems twice as near as it is."""


@dataclass(frozen=True)
class Road:
    """Of one part of a recording, in the unit of its hints."""

    inverse_depth: Float32[np.ndarray, "h w"]
    """Of the typical road; 0 above its horizon."""
    limit: Float32[np.ndarray, "h w"]
    """Inverse depth behind which nothing lies: of the farthest road but for a tenth of the frames, as the camera nods
    and roads bend. 0 where it is not judged."""
    height: float
    """Of the camera over the typical road."""

    @property
    def near(self) -> Bool[np.ndarray, "h w"]:
        """The pixels in which the typical road, if it is seen there, can be told from others."""
        return self.inverse_depth * self.height > 1 / _SEEN_HEIGHTS


def road_of(hint: Callable[[int], Float32[np.ndarray, "h w"]], frames: Sequence[int], camera: Camera) -> Road | None:
    """The road before a mounted camera; None where no steady one is seen.

    Args:
        hint: inverse depth of a frame, 0 where it is not known; all in one unit.
        frames: of one part of a recording, by what `hint` calls them.
        camera: of all frames, unbatched.
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
    """The pixels whose hint lies under the road, or hovers over it below the height of the camera."""
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
