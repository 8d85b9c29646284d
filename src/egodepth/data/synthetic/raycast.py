"""Which face each ray hits first, and where, by a z-buffer of inverse depth.

Along a ray with z = 1 in camera axes the inverse depth of a plane is affine in the image coordinates, so a convex
solid is the minimum of its front planes where that exceeds the maximum of its back planes: no division, no ray loop.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from egodepth.data.synthetic.scene import Scene


SKY, GROUND = -1, 0
"""Face index of rays that hit nothing, and of the ground (the first row of every scene that is rendered)."""
FAR = 250.0
"""Surfaces further than this are sky, metres."""
SAMPLES = np.array([(0, 0), (-0.125, -0.375), (0.375, -0.125), (0.125, 0.375), (-0.375, 0.125)], np.float32)
"""Rays of a pixel, (x, y) from its centre in pixels: the centre, whose depth is kept, and four for smooth edges."""


class Eye(NamedTuple):
    """A camera somewhere in the world, with the size of its image."""

    rotation: Float[np.ndarray, "3 3"]
    """World from camera."""
    position: Float[np.ndarray, " 3"]
    focal: Float[np.ndarray, " 2"]
    centre: Float[np.ndarray, " 2"]
    size: tuple[int, int]

    def directions(self) -> tuple[Float[np.ndarray, "5 w"], Float[np.ndarray, "5 h"]]:
        """Coordinates x and y, with z = 1, of the rays of every column and row; one line for each of `SAMPLES`."""
        height, width = self.size
        x = (np.arange(width) + 0.5 + SAMPLES[:, :1]) / width
        y = (np.arange(height) + 0.5 + SAMPLES[:, 1:]) / height
        x, y = (x - self.centre[0]) / self.focal[0], (y - self.centre[1]) / self.focal[1]
        return x.astype(np.float32), y.astype(np.float32)


class Hits(NamedTuple):
    """First hits of the five rays of each pixel."""

    inverse_depth: Float[np.ndarray, "5 h w"]
    face: Int[np.ndarray, "5 h w"]


def cast(scene: Scene, eye: Eye) -> Hits:
    """First hit of every ray; row 0 of the scene's faces must be the ground."""
    x, y = eye.directions()
    q, face = _ground(eye, x, y)
    boxes, nearest = _windows(scene, eye)
    planes, distance = _affine_planes(scene, eye)
    is_shown = (boxes[:, 0] < boxes[:, 1]) & (boxes[:, 2] < boxes[:, 3])
    for solid in np.flatnonzero(is_shown)[np.argsort(-nearest[is_shown], kind="stable")]:
        top, bottom, left, right = boxes[solid]
        window = np.s_[:, top:bottom, left:right]
        if q[window].min() >= nearest[solid]:
            continue
        xs, ys = x[:, None, left:right], y[:, top:bottom, None]
        start, stop = scene.start[solid], scene.stop[solid]
        if scene.is_round[solid]:
            hit_q = _ellipsoid(scene, eye, start, xs, ys)
            hit_face = start
        else:
            hit_q, hit_face = _convex(planes[start:stop], distance[start:stop], start, xs, ys)
        is_hit = hit_q > q[window]
        np.copyto(q[window], hit_q, where=is_hit)
        np.copyto(face[window], hit_face, where=is_hit)
    return Hits(q, face)


def _ground(eye: Eye, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The buffers with nothing but the ground and the sky in them."""
    a, b, c = eye.rotation[1] / -eye.position[1]
    q = np.float32(a) * x[:, None, :] + np.float32(b) * y[:, :, None] + np.float32(c)
    is_sky = q < 1 / FAR
    return np.where(is_sky, np.float32(0), q), np.where(is_sky, SKY, GROUND).astype(np.int32)


def _windows(scene: Scene, eye: Eye) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns that enclose each solid (top, bottom, left, right), and its largest inverse depth."""
    points = (scene.corners - eye.position) @ eye.rotation
    z = points[..., 2]
    # A corner behind the camera is put just before it: it lands far outside the image on its own side.
    uv = points[..., :2] / np.maximum(z, 0.05)[..., None] * eye.focal + eye.centre
    pixels = uv * (eye.size[1], eye.size[0])
    low, high = np.floor(pixels.min(1)), np.ceil(pixels.max(1))
    boxes = np.stack([low[:, 1], high[:, 1], low[:, 0], high[:, 0]], 1)
    boxes = np.clip(boxes, 0, [eye.size[0]] * 2 + [eye.size[1]] * 2).astype(int)
    boxes[z.max(1) < 0.05] = 0
    boxes[z.min(1) > FAR] = 0
    return boxes, 1 / np.maximum(z.min(1), 0.05)


def _affine_planes(scene: Scene, eye: Eye) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients (of x, of y, constant) of every face's inverse depth, and the camera's signed distance inside it."""
    distance = scene.offset - scene.normal @ eye.position
    distance = np.where(np.abs(distance) < 1e-7, 1e-7, distance)
    return ((scene.normal @ eye.rotation) / distance[:, None]).astype(np.float32), distance


def _convex(
    planes: np.ndarray, distance: np.ndarray, start: int, x: np.ndarray, y: np.ndarray
) -> tuple[np.ndarray, np.ndarray | int]:
    """Inverse depth of the entry into a convex solid, 0 where the ray misses it, and the face entered."""
    enter, face = None, start
    leave = np.float32(0)
    for row, (a, b, c) in enumerate(planes):
        q = a * x + (b * y + c)
        if distance[row] > 0:
            leave = np.maximum(leave, q)
        elif enter is None:
            enter, face = q, start + row
        else:
            face = np.where(q < enter, np.int32(start + row), face)
            enter = np.minimum(enter, q)
    if enter is None:  # the camera is inside
        return np.zeros((len(x), y.shape[1], x.shape[2]), np.float32), face
    return np.where(enter > leave, enter, np.float32(0)), face


def _ellipsoid(scene: Scene, eye: Eye, row: int, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Inverse depth of the nearer hit of an ellipsoid, 0 where the ray misses it."""
    radii = scene.extent[row]
    ray = eye.rotation / radii[:, None]
    seat = (eye.position - scene.origin[row]) / radii
    c = seat @ seat - 1
    if c <= 0:
        return np.zeros((len(x), y.shape[1], x.shape[2]), np.float32)
    b = ray.T @ seat
    form = (np.outer(b, b) - c * (ray.T @ ray)).astype(np.float32)
    disc = (form[0, 0] * x + 2 * form[0, 2]) * x + ((form[1, 1] * y + 2 * form[1, 2]) * y + form[2, 2])
    disc = disc + (2 * form[0, 1] * x) * y
    bx, by, b1 = (b / -c).astype(np.float32)
    q = bx * x + (by * y + b1) + np.sqrt(np.maximum(disc, 0)) * np.float32(1 / c)
    return np.where(disc > 0, np.maximum(q, 0), np.float32(0))
