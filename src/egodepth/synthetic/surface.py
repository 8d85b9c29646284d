"""Hits of rays on surfaces: surface coordinates, footprints of pixels, and surface properties."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from egodepth.synthetic.noise import Line
from egodepth.synthetic.raycast import Eye
from egodepth.synthetic.scene import Scene


class Contacts(NamedTuple):
    """Hits of many rays; in the sky everything except `ray` and `face` is meaningless."""

    ray: Float[np.ndarray, "3 n"]
    """Direction in the world, with length 1 along the camera's axis."""
    face: Int[np.ndarray, " n"]
    depth: Line
    u: Line
    v: Line
    foot_u: Line
    foot_v: Line


class Surface(NamedTuple):
    """Rays that hit faces of one material; one entry per ray, metres."""

    u: Line
    v: Line
    """Coordinates from the face's bottom left corner, v upwards."""
    foot_u: Line
    foot_v: Line
    """Width of a pixel along u and v."""
    footprint: Line
    """The larger of the two."""
    depth: Line
    point: Float[np.ndarray, "3 n"]
    """Position in the world."""
    extent: Float[np.ndarray, "3 n"]
    colour: Float[np.ndarray, "3 n"]
    grain: Line


def touch(scene: Scene, eye: Eye, x: Line, y: Line, q: Line, face: Int[np.ndarray, " n"], width: Line) -> Contacts:
    """Return surface coordinates and footprints of rays (x, y, 1) that hit `face` at inverse depth `q`.

    `width` is the share of a pixel that a ray represents.
    """
    basis = eye.rotation.astype(np.float32)
    ray = basis[:, :1] * x + basis[:, 1:2] * y + basis[:, 2:]
    depth = 1 / np.maximum(q, np.float32(1e-6))
    step_x, step_y = (1 / (eye.focal * (eye.size[1], eye.size[0]))).astype(np.float32)
    table = _coefficients(scene, eye).take(face, 1)
    n_x, n_y, n_1 = table[8:]
    away = n_x * x + n_y * y + n_1
    # Ellipsoids have normal 0. Grazing rays must not stretch a footprint without limit.
    tilt = depth * width / np.where(away == 0, 1, np.minimum(away, -1e-3))
    tilt_x, tilt_y = n_x * step_x * tilt, n_y * step_y * tilt
    columns = []
    for c_x, c_y, c_1, offset in (table[:4], table[4:8]):
        along = c_x * x + c_y * y + c_1
        foot = np.abs(c_x * step_x * depth * width - along * tilt_x) + np.abs(
            c_y * step_y * depth * width - along * tilt_y
        )
        columns.append((along * depth + offset, foot))
    (u, foot_u), (v, foot_v) = columns
    return Contacts(ray, face, depth, u, v, foot_u, foot_v)


def surface_of(scene: Scene, eye: Eye, contacts: Contacts, rows: Int[np.ndarray, " k"]) -> Surface:
    """Return the chosen rays with the properties of their faces."""
    face = contacts.face[rows]
    depth, u, v, foot_u, foot_v = (column[rows] for column in contacts[2:])
    point = eye.position.astype(np.float32)[:, None] + depth * contacts.ray[:, rows]
    extent, colour = (table.T.take(face, 1) for table in (scene.extent, scene.colour))
    return Surface(u, v, foot_u, foot_v, np.maximum(foot_u, foot_v), depth, point, extent, colour, scene.grain[face])


def _coefficients(scene: Scene, eye: Eye) -> Float[np.ndarray, "11 f"]:
    """Return, for each face, how u, v (with their offsets) and the normal depend on a ray's (x, y, 1)."""
    seat = eye.position - scene.origin
    columns = []
    for axis in (scene.right, scene.up):
        columns += [axis @ eye.rotation, (axis * seat).sum(1, keepdims=True)]
    return np.concatenate([*columns, scene.normal @ eye.rotation], 1).T.astype(np.float32, order="C")
