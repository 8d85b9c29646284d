"""The road before a mounted camera, and the hints that must be wrong because they lie under it.

A car that moves along with the camera shows no parallax. A comparison of frames therefore takes it for far away. At
that distance the car, which is lower than the camera, would lie under the road.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float32, Float64

from egodepth.data.frame_numbers import spread_places
from egodepth.geometry import Camera
from egodepth.scale.height import exact_rays, road_plane

_FRAMES = 24
"""Evenly spread, in which the road is looked for."""
_LEAST_SHARE, _STEADY = 0.5, 0.2
"""Of these frames, those that have to show a road; and by what share a typical frame's may be off the common one
anywhere. A camera in the hand has no common one."""
_HEIGHTS = 12.0
"""Camera heights up to which the road is judged: farther away, a slope or a nod of the camera moves it too much."""
_DEEPER = 1.35
"""Times as far away as the road: what is farther lies under it."""


def road_of(
    hint: Callable[[int], Float32[np.ndarray, "h w"]], frames: Sequence[int], camera: Camera
) -> Float32[np.ndarray, "h w"] | None:
    """Inverse depth of the road before a mounted camera, 0 where it is not judged; None where no steady one is seen.

    Args:
        hint: inverse depth of a frame, 0 where it is not known; all in one unit.
        frames: of one part of a recording, by what `hint` calls them.
        camera: of all frames, unbatched.
    """
    some = [frames[place] for place in spread_places(len(frames), _FRAMES)]
    planes, size = [], None
    for frame in some:
        inverse_depth = torch.from_numpy(hint(frame))
        size = (inverse_depth.shape[0], inverse_depth.shape[1])
        if (plane := road_plane(inverse_depth, camera, known=inverse_depth > 0)) is not None:
            planes.append(plane)
    if size is None or len(planes) < max(2, _LEAST_SHARE * len(some)):
        return None
    common: Float64[np.ndarray, " 3"] = np.median(planes, 0)
    rays = exact_rays(camera, size).numpy()
    road = np.tensordot(common, rays, 1)
    judged = road > np.linalg.norm(common) / _HEIGHTS
    off = np.abs(np.array(planes) @ rays[:, judged] / road[judged] - 1)
    if not judged.any() or np.median(off.max(1)) > _STEADY:
        return None
    return np.where(judged, road, 0).astype(np.float32)


def under_the_road(
    inverse_depth: Float32[np.ndarray, "h w"], road: Float32[np.ndarray, "h w"]
) -> Bool[np.ndarray, "h w"]:
    """Which pixels have a hint that cannot be, see `road_of`."""
    return (inverse_depth > 0) & (inverse_depth * np.float32(_DEEPER) < road)
