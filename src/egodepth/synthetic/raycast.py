"""Find the face that each ray hits first, and its inverse depth, by a z-buffer of inverse depth.

Along a ray with z = 1 in camera axes the inverse depth of a plane is affine in the image coordinates, so a convex solid
is the minimum of its front planes where that exceeds the maximum of its back planes: no division, no ray loop.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from egodepth.synthetic.scene import Scene

SKY, GROUND = -1, 0
"""Face index of rays without a hit, and of the ground (the first row of every rendered scene)."""
FAR = 250.0
"""Distance in metres from which surfaces count as sky."""
SAMPLES = np.array([(0, 0), (-0.33, 0.33), (0.33, -0.33)], np.float32)
"""Rays of a pixel, (x, y) from its centre in pixels: the centre, which gives the depth, and two for smooth edges."""


class Eye(NamedTuple):
    """A camera in the world, with the size of its image."""

    rotation: Float[np.ndarray, "3 3"]
    """World from camera."""
    position: Float[np.ndarray, " 3"]
    focal: Float[np.ndarray, " 2"]
    centre: Float[np.ndarray, " 2"]
    size: tuple[int, int]

    def directions(self) -> tuple[Float[np.ndarray, "s w"], Float[np.ndarray, "s h"]]:
        """Return x and y, with z = 1, of the rays of every column and row; one line for each of `SAMPLES`."""
        height, width = self.size
        x = (np.arange(width) + 0.5 + SAMPLES[:, :1]) / width
        y = (np.arange(height) + 0.5 + SAMPLES[:, 1:]) / height
        x, y = (x - self.centre[0]) / self.focal[0], (y - self.centre[1]) / self.focal[1]
        return x.astype(np.float32), y.astype(np.float32)


class Hits(NamedTuple):
    """First hits of the rays of each pixel, in the order of `SAMPLES`."""

    inverse_depth: Float[np.ndarray, "s h w"]
    face: Int[np.ndarray, "s h w"]


def cast(scene: Scene, eye: Eye) -> Hits:
    """Return the first hit of every ray; row 0 of the scene's faces must be the ground."""
    x, y = eye.directions()
    q, face = _ground(eye, x, y)
    boxes, nearest = _windows(scene, eye)
    planes, rounds = _Planes.of(scene, eye), _Ellipsoids.of(scene, eye)
    is_shown = (boxes[:, 0] < boxes[:, 1]) & (boxes[:, 2] < boxes[:, 3])
    shown = np.flatnonzero(is_shown)[np.argsort(-nearest[is_shown], kind="stable")]
    starts, stops = scene.start.tolist(), scene.stop.tolist()
    for solid, (top, bottom, left, right) in zip(shown.tolist(), boxes[shown].tolist(), strict=True):
        window = np.s_[:, top:bottom, left:right]
        seen = q[window]
        if seen.min() >= nearest[solid]:
            continue
        xs, ys = x[:, None, left:right], y[:, top:bottom, None]
        start, stop = starts[solid], stops[solid]
        hit_q, hit_face = rounds.hit(start, xs, ys) if scene.is_round[solid] else planes.hit(start, stop, xs, ys)
        is_hit = hit_q > seen
        np.copyto(seen, hit_q, where=is_hit)
        np.copyto(face[window], hit_face, where=is_hit)
    return Hits(q, face)


def _ground(eye: Eye, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the buffers with only the ground and the sky."""
    a, b, c = eye.rotation[1] / -eye.position[1]
    q = np.float32(a) * x[:, None, :] + np.float32(b) * y[:, :, None] + np.float32(c)
    is_sky = q < 1 / FAR
    return np.where(is_sky, np.float32(0), q), np.where(is_sky, SKY, GROUND).astype(np.int32)


def _windows(scene: Scene, eye: Eye) -> tuple[np.ndarray, np.ndarray]:
    """Return rows and columns that enclose each solid (top, bottom, left, right), and its largest inverse depth."""
    points = (scene.corners - eye.position) @ eye.rotation
    z = points[..., 2]
    # A corner behind the camera is moved just before it. It projects far outside the image on its own side.
    uv = points[..., :2] / np.maximum(z, 0.05)[..., None] * eye.focal + eye.centre
    pixels = uv * (eye.size[1], eye.size[0])
    low, high = np.floor(pixels.min(1)), np.ceil(pixels.max(1))
    boxes = np.stack([low[:, 1], high[:, 1], low[:, 0], high[:, 0]], 1)
    boxes = np.clip(boxes, 0, [eye.size[0]] * 2 + [eye.size[1]] * 2).astype(int)
    boxes[z.max(1) < 0.05] = 0
    boxes[z.min(1) > FAR] = 0
    return boxes, 1 / np.maximum(z.min(1), 0.05)


class _Planes(NamedTuple):
    """Every face's inverse depth, a x + b y + c; for each solid, faces that face the camera come first."""

    coefficients: Float[np.ndarray, "3 f 1 1 1"]
    face: Int[np.ndarray, " f"]
    faces_camera: Int[np.ndarray, " f+1"]
    """Running count of faces that face the camera."""

    @classmethod
    def of(cls, scene: Scene, eye: Eye) -> "_Planes":
        distance = scene.offset - scene.normal @ eye.position
        distance = np.where(np.abs(distance) < 1e-7, 1e-7, distance)
        solid = np.zeros(len(distance), int)
        solid[scene.start] = 1
        order = np.lexsort((distance > 0, solid.cumsum()))
        coefficients = ((scene.normal @ eye.rotation) / distance[:, None])[order].astype(np.float32)
        running = np.concatenate([[0], np.cumsum(distance[order] <= 0)])
        return cls(coefficients.T[:, :, None, None, None], order.astype(np.int32), running)

    def hit(self, start: int, stop: int, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray | np.int32]:
        """Return the inverse depth of the entry into a solid, 0 where the ray misses it, and the face of the entry."""
        middle = start + int(self.faces_camera[stop] - self.faces_camera[start])
        if middle == start:  # the camera is inside the solid
            return np.zeros((len(x), y.shape[1], x.shape[2]), np.float32), self.face[start]
        a, b, c = self.coefficients[:, start:stop]
        q = a * x + (b * y + c)
        front, back = q[: middle - start], q[middle - start :]
        enter, face = front[0], self.face[start]
        for q_next, face_next in zip(front[1:], self.face[start + 1 : middle], strict=True):
            face = np.where(q_next < enter, face_next, face)
            enter = np.minimum(enter, q_next)
        leave = np.maximum.reduce(back, initial=0)
        return enter * (enter > leave), face


class _Ellipsoids(NamedTuple):
    """Coefficients of every ellipsoid's nearer hit; rows of planar faces are meaningless."""

    discriminant: Float[np.ndarray, "f 3 3"]
    """Quadratic form in (x, y, 1), over the square of the denominator."""
    middle: Float[np.ndarray, "f 3"]
    """Inverse depth half-way between the hits: linear in (x, y, 1)."""

    @classmethod
    def of(cls, scene: Scene, eye: Eye) -> "_Ellipsoids":
        radii = np.maximum(scene.extent, 1e-3)
        ray = eye.rotation / radii[:, :, None]
        seat = (eye.position - scene.origin) / radii
        c = (seat * seat).sum(1)[:, None] - 1
        b = np.einsum("fij,fi->fj", ray, seat) / np.where(c <= 0, np.inf, c)  # inf: the camera is inside
        gram = np.einsum("fij,fik->fjk", ray, ray) / np.where(c <= 0, np.inf, c)[:, :, None]
        form = b[:, :, None] * b[:, None, :] - gram
        return cls(form.astype(np.float32), (-b).astype(np.float32))

    def hit(self, row: int, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.int32]:
        """Return the inverse depth of the nearer hit of an ellipsoid, 0 where the ray misses it, and its face."""
        form, (bx, by, b1) = self.discriminant[row], self.middle[row]
        root = (form[0, 0] * x + 2 * form[0, 2]) * x + ((form[1, 1] * y + 2 * form[1, 2]) * y + form[2, 2])
        root += (2 * form[0, 1] * x) * y
        is_hit = root > 0
        np.sqrt(root, out=root, where=is_hit)
        root += bx * x + (by * y + b1)
        root *= is_hit
        return root, np.int32(row)
