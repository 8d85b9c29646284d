"""Cameras as lines: the trajectory with its cameras, and the highlighted camera of the chosen frame."""

import math
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64, UInt8

from egodepth.data.media.frame_numbers import spread_places
from egodepth.geometry import Camera

FOV = 0.9
"""Vertical field of view of the viewer's own camera in radians."""
_MOST = 60
"""Most cameras that are drawn along the trajectory."""
_TRAJECTORY, _CAMERAS, _CHOSEN = (230, 120, 30), (240, 160, 80), (230, 40, 40)
_ON_FRUSTUM_PX = 320


def draw_trajectory(client: Any, poses: Float64[np.ndarray, "f 4 4"], camera: Camera, size: float) -> None:
    """Send the trajectory and some of its cameras, evenly spread, to a client.

    Args:
        client: `viser.ClientHandle`.
        poses: world-from-camera poses.
        camera: the camera of all frames.
        size: distance between a camera's centre and its image.
    """
    centres = poses[:, :3, 3].astype(np.float32)
    if len(centres) > 1:
        path = np.stack([centres[:-1], centres[1:]], 1)
        client.scene.add_line_segments("/trajectory", path, _TRAJECTORY, thickness=3, thickness_units="screen")
    some = poses[spread_places(len(poses), _MOST)]
    lines = frustum_lines(some, camera, size)
    client.scene.add_line_segments("/cameras", lines, _CAMERAS, thickness=2, thickness_units="screen")


def frustum_lines(poses: Float64[np.ndarray, "f 4 4"], camera: Camera, size: float) -> Float32[np.ndarray, "n 2 3"]:
    """Return the eight edges of every camera's frustum in the world."""
    (fx, fy), (cx, cy) = camera.focal.tolist(), camera.centre.tolist()
    corners = np.array([[(u - cx) / fx, (v - cy) / fy, 1.0] for u, v in ((0, 0), (1, 0), (1, 1), (0, 1))]) * size
    apex = np.zeros(3)
    edges = np.array([[apex, corner] for corner in corners] + [[corners[i - 1], corners[i]] for i in range(4)])
    world = np.einsum("fij,ekj->feki", poses[:, :3, :3], edges) + poses[:, None, None, :3, 3]
    return world.reshape(-1, 2, 3).astype(np.float32)


def draw_chosen(client: Any, camera: Camera, image: UInt8[np.ndarray, "h w 3"], size: float) -> Any:
    """Send the camera of the chosen frame, with its image; return viser's handle."""
    fx, fy = camera.focal.tolist()
    return client.scene.add_camera_frustum(
        "/chosen",
        fov=2 * math.atan(0.5 / fy),
        aspect=fy / fx,
        scale=size,
        thickness=3,
        thickness_units="screen",
        color=_CHOSEN,
        image=on_frustum(image),
        cast_shadow=False,
        receive_shadow=False,
    )


def on_frustum(image: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "hs ws 3"]:
    """Return a picture for the highlighted camera: every second pixel or so is enough there."""
    step = max(1, round(image.shape[1] / _ON_FRUSTUM_PX))
    return np.ascontiguousarray(image[::step, ::step])


def place(handle: Any, pose: Float64[np.ndarray, "4 4"]) -> None:
    """Move something to a world-from-camera pose."""
    from viser.transforms import SO3

    handle.wxyz, handle.position = SO3.from_matrix(pose[:3, :3]).wxyz, pose[:3, 3]


def behind(pose: Float64[np.ndarray, "4 4"], distance: float) -> tuple[np.ndarray, np.ndarray]:
    """Return a position behind and above a camera, and a point before it to look at."""
    offsets = np.array([[0, -0.35, -0.8], [0, 0, 2.0]]) * distance
    back, ahead = offsets @ pose[:3, :3].T + pose[:3, 3]
    return back, ahead
