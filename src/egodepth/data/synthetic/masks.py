"""Which pixels move, which are seen in one neighbour only, which have no texture; all exact, from the geometry."""

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float

from egodepth.data.synthetic.raycast import SKY, Eye, Hits
from egodepth.data.synthetic.scene import TEXTURELESS, Scene


if TYPE_CHECKING:
    from egodepth.data.synthetic.street import Street


def moving_mask(street: "Street", scene: Scene, hits: Hits, frame: int) -> Bool[np.ndarray, "h w"]:
    """Pixels on a car whose pose in the world differs from that in the frame before or after."""
    poses = [street.car_poses(frame + step) for step in (-1, 0, 1)]
    moves = [not (np.array_equal(a, b) and np.array_equal(b, c)) for a, b, c in zip(*poses, strict=True)]
    face = hits.face[0]
    return np.array([False, *moves])[scene.body[face]] & (face != SKY)


def textureless_mask(scene: Scene, hits: Hits) -> Bool[np.ndarray, "h w"]:
    """Pixels on surfaces of one uniform albedo (blank walls, car paint); not the sky."""
    face = hits.face[0]
    return np.isin(scene.material[face], [int(m) for m in TEXTURELESS]) & (face != SKY)


def occluded_mask(
    street: "Street", scene: Scene, hits: Hits, frame: int, neighbours: tuple[Hits, Hits]
) -> Bool[np.ndarray, "h w"]:
    """Pixels whose surface point, moved with its object, is visible in exactly one of the frames t-1 and t+1."""
    size = (hits.face.shape[1], hits.face.shape[2])
    eye = street.eye(frame, size)
    face, q = hits.face[0], hits.inverse_depth[0]
    x, y = eye.directions()
    ray = np.stack(np.broadcast_arrays(x[0][None, :], y[0][:, None], 1.0), -1)
    is_solid = face != SKY
    points = (ray[is_solid] / q[is_solid][:, None].astype(float)) @ eye.rotation.T + eye.position
    body = scene.body[face[is_solid]]
    seen = []
    for step, neighbour in zip((-1, 1), neighbours, strict=True):
        moved = _moved(street, points, body, frame, frame + step)
        seen.append(_is_visible(moved, street.eye(frame + step, size), neighbour))
    mask = np.zeros(size, bool)
    mask[is_solid] = seen[0] != seen[1]
    return mask


def _moved(street: "Street", points: np.ndarray, body: np.ndarray, frame: int, other: int) -> Float[np.ndarray, "n 3"]:
    """World points at the time of another frame, each moved with the object it belongs to."""
    moved = points.copy()
    for index, (now, then) in enumerate(zip(street.car_poses(frame), street.car_poses(other), strict=True)):
        rows = body == index + 1
        motion = then @ np.linalg.inv(now)
        moved[rows] = points[rows] @ motion[:3, :3].T + motion[:3, 3]
    return moved


def _is_visible(points: Float[np.ndarray, "n 3"], eye: Eye, hits: Hits) -> Bool[np.ndarray, " n"]:
    """Whether each world point is inside the image of `eye` and not behind what it sees there.

    A point counts as visible if it is no further than the furthest of the four surfaces around its place, with 2 % and
    5 cm to spare: slanted surfaces do not hide themselves.
    """
    camera = (points - eye.position) @ eye.rotation
    z = np.maximum(camera[:, 2], 1e-6)
    place = (camera[:, :2] / z[:, None] * eye.focal + eye.centre) * (eye.size[1], eye.size[0])
    is_inside = (camera[:, 2] > 0.05) & (place >= 0).all(1) & (place <= (eye.size[1], eye.size[0])).all(1)
    place = np.where(is_inside[:, None], place - 0.5, 0)
    column, row = (np.clip(np.floor(place[:, k]).astype(int), 0, eye.size[1 - k] - 2) for k in (0, 1))
    q = hits.inverse_depth[0]
    furthest = np.minimum.reduce([q[row + i, column + j] for i in (0, 1) for j in (0, 1)])
    return is_inside & (1 / np.maximum(z / 1.02 - 0.05, 1e-3) >= furthest)
