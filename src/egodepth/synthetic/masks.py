"""Masks of moving, one-sidedly occluded, and textureless pixels; all exact, from the geometry."""

import numpy as np
from jaxtyping import Bool, Float

from egodepth.synthetic.raycast import SKY, Eye, Hits
from egodepth.synthetic.scene import TEXTURELESS, Scene
from egodepth.synthetic.street import Street


def moving_mask(street: Street, scene: Scene, hits: Hits, frame: int) -> Bool[np.ndarray, "h w"]:
    """Return the pixels on a car whose pose in the world differs from that in the frame before or after."""
    poses = [street.car_poses(frame + step) for step in (-1, 0, 1)]
    moves = [not (np.array_equal(a, b) and np.array_equal(b, c)) for a, b, c in zip(*poses, strict=True)]
    face = hits.face[0]
    return np.array([False, *moves])[scene.body[face]] & (face != SKY)


def textureless_mask(scene: Scene, hits: Hits) -> Bool[np.ndarray, "h w"]:
    """Return the pixels on surfaces of one uniform albedo (blank walls, car paint), without the sky."""
    face = hits.face[0]
    return np.isin(scene.material[face], [int(m) for m in TEXTURELESS]) & (face != SKY)


def occluded_mask(
    street: Street, scene: Scene, hits: Hits, frame: int, neighbours: tuple[Hits, Hits]
) -> Bool[np.ndarray, "h w"]:
    """Return the pixels whose surface point, moved with its object, is visible in only one of frames t-1 and t+1."""
    before, after = (
        _visible_mask(street, scene, hits, frame, frame + step, other)
        for step, other in zip((-1, 1), neighbours, strict=True)
    )
    return (before != after) & (hits.face[0] != SKY)


def _visible_mask(
    street: Street, scene: Scene, hits: Hits, frame: int, other: int, seen: Hits
) -> Bool[np.ndarray, "h w"]:
    """Return the pixels of `frame` whose surface point is visible in the frame `other`, where the rays hit `seen`."""
    size = (hits.face.shape[1], hits.face.shape[2])
    eye, other_eye = street.eye(frame, size), street.eye(other, size)
    x, y = (line[0] for line in eye.directions())
    ray = np.stack([np.broadcast_to(x, size), np.broadcast_to(y[:, None], size), np.ones(size, np.float32)])
    body, q = scene.body[hits.face[0]], hits.inverse_depth[0]
    visible = np.zeros(size, bool)
    poses = zip(street.car_poses(frame), street.car_poses(other), strict=True)
    motions = [np.eye(4), *(then @ np.linalg.inv(now) for now, then in poses)]
    self_from_world = np.linalg.inv(street.camera_pose(other))
    for index in np.flatnonzero(np.bincount(body.ravel())).tolist():
        other_from_eye = (self_from_world @ motions[index] @ street.camera_pose(frame)).astype(np.float32)
        rows = body == index
        # Points over their depth: exact also for the sky, whose inverse depth is 0.
        points = other_from_eye[:3, :3] @ ray[:, rows] + other_from_eye[:3, 3:] * q[rows]
        visible[rows] = _is_visible(points, q[rows], other_eye, seen.inverse_depth[0])
    return visible


def _is_visible(
    points: Float[np.ndarray, "3 n"], scale: Float[np.ndarray, " n"], eye: Eye, q: Float[np.ndarray, "h w"]
) -> Bool[np.ndarray, " n"]:
    """Whether points (in the axes of `eye`, times `scale`) are in its image and not behind its inverse depths `q`.

    A point is visible if it is no farther than the farthest of the four surfaces around its position, with a tolerance
    of 2 % and 5 cm, so that slanted surfaces do not hide themselves.
    """
    height, width = eye.size
    z = np.maximum(points[2], np.float32(1e-6))
    column = (points[0] / z * np.float32(eye.focal[0]) + np.float32(eye.centre[0])) * width
    row = (points[1] / z * np.float32(eye.focal[1]) + np.float32(eye.centre[1])) * height
    is_inside = (points[2] > 0) & (column >= 0) & (column <= width) & (row >= 0) & (row <= height)
    left = np.clip(np.where(is_inside, column, 0) - 0.5, 0, width - 2).astype(np.int32)
    first = np.clip(np.where(is_inside, row, 0) - 0.5, 0, height - 2).astype(np.int32) * width + left
    flat = q.ravel()
    furthest = np.minimum.reduce([flat[first + step] for step in (0, 1, width, width + 1)])
    depth = z / np.maximum(scale, np.float32(1e-6))
    return is_inside & ((depth / np.float32(1.02) - np.float32(0.05)) * furthest <= 1)
