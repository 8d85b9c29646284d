"""Objects that rays can hit: hexahedra and ellipsoids, as flat arrays with one row per face and one row per solid.

World axes are the camera's: x right, y DOWN, z forward; the ground is y = 0, so heights are negative y. Metres.
"""

from dataclasses import dataclass, field, fields, replace
from enum import IntEnum

import numpy as np
from jaxtyping import Bool, Float, Int


class Material(IntEnum):
    """Material of a face; `shading.SHADERS` has one function for each."""

    GROUND = 0
    FACADE = 1
    PLAIN = 2
    MASONRY = 3
    ROOF = 4
    FOLIAGE = 5
    BARK = 6
    METAL = 7
    SIGN = 8
    CAR_SIDE = 9
    CAR_REAR = 10
    CAR_FRONT = 11
    CAR_CABIN = 12
    CAR_GLASS = 13
    CAR_PAINT = 14
    CAR_UNDER = 15
    SHOP = 16
    SHADE = 17


TEXTURELESS = (Material.PLAIN, Material.CAR_PAINT, Material.CAR_SIDE)
"""Materials of one uniform albedo, except for single lines (the gaps of car doors)."""

_QUADS = np.array([(0, 1, 5, 4), (1, 2, 6, 5), (2, 3, 7, 6), (3, 0, 4, 7), (4, 5, 6, 7), (3, 2, 1, 0)])
"""Corners of a hexahedron's faces seen from outside, from the bottom left: near, right, far, left, top, bottom."""


@dataclass(frozen=True)
class Scene:
    """Solids as arrays. A face is the plane normal . p = offset, normal outwards; an ellipsoid has one face row."""

    normal: Float[np.ndarray, "f 3"]
    offset: Float[np.ndarray, " f"]
    origin: Float[np.ndarray, "f 3"]
    """Zero of the surface coordinates: the face's bottom left corner, or the ellipsoid's centre."""
    right: Float[np.ndarray, "f 3"]
    """Unit vector of the first surface coordinate."""
    up: Float[np.ndarray, "f 3"]
    """Unit vector of the second surface coordinate, in the plane."""
    extent: Float[np.ndarray, "f 3"]
    """Length and height of the face (third 0), or the ellipsoid's radii; metres."""
    colour: Float[np.ndarray, "f 3"]
    grain: Float[np.ndarray, " f"]
    """A random number, 0 to 1, that varies the faces of one material."""
    material: Int[np.ndarray, " f"]
    body: Int[np.ndarray, " f"]
    """0 for everything fixed to the world; i > 0 for the i-th of the frame's moving cars."""
    start: Int[np.ndarray, " s"]
    """First face row of each solid."""
    stop: Int[np.ndarray, " s"]
    is_round: Bool[np.ndarray, " s"]
    corners: Float[np.ndarray, "s 8 3"]
    """A hexahedron that encloses the solid."""

    def placed(self, pose: Float[np.ndarray, "4 4"], body: int = 0) -> "Scene":
        """Return a copy moved by the rigid `pose` (ellipsoids keep their axes, so they must only be translated)."""
        turn, shift = pose[:3, :3], pose[:3, 3]
        normal = self.normal @ turn.T
        return replace(
            self,
            normal=normal,
            offset=self.offset + normal @ shift,
            origin=self.origin @ turn.T + shift,
            right=self.right @ turn.T,
            up=self.up @ turn.T,
            corners=self.corners @ turn.T + shift,
            body=np.full_like(self.body, body),
        )


def concatenate(scenes: list[Scene]) -> Scene:
    """Return all solids of several scenes as one scene."""
    shifts = np.cumsum([0] + [len(scene.material) for scene in scenes[:-1]])
    joined = {f.name: np.concatenate([getattr(scene, f.name) for scene in scenes]) for f in fields(Scene)}
    for name in ("start", "stop"):
        joined[name] = np.concatenate([getattr(s, name) + shift for s, shift in zip(scenes, shifts, strict=True)])
    return Scene(**joined)


@dataclass
class SceneBuilder:
    """Collects solids one by one, then builds the arrays."""

    faces: list[list[np.ndarray]] = field(default_factory=list)
    solids: list[tuple[int, bool, np.ndarray]] = field(default_factory=list)

    def hexahedron(
        self,
        corners: Float[np.ndarray, "8 3"],
        materials: tuple[Material, ...],
        colour: tuple[float, ...],
        grain: float = 0.0,
    ) -> None:
        """Add a convex solid: corners are the bottom four (near left, near right, far right, far left), then the top.

        `materials` are those of the near, right, far, left, top and bottom face, or one for all. Faces that are
        degenerate to a line (the ridge of a roof) are omitted.
        """
        kinds = np.array(materials * 6 if len(materials) == 1 else materials, int)
        a, b, c, d = corners[_QUADS].transpose(1, 0, 2)
        normal = np.cross(c - a, d - b)
        size = np.linalg.norm(normal, axis=1)
        normal /= np.maximum(size, 1e-12)[:, None]
        normal *= np.where(((a - corners.mean(0)) * normal).sum(1) < 0, -1, 1)[:, None]
        bottom, top = b - a, c - d
        length = np.linalg.norm(bottom, axis=1)
        right = np.where(length[:, None] > 1e-6, bottom, top)
        right /= np.maximum(np.linalg.norm(right, axis=1), 1e-12)[:, None]
        up = np.cross(normal, right)
        up *= np.where((up * (c + d - a - b)).sum(1) < 0, -1, 1)[:, None]
        extent = np.stack([length, ((d - a) * up).sum(1), np.zeros(6)], 1)
        look = np.tile(colour, (6, 1)), np.full(6, grain), kinds
        columns = (normal, (normal * a).sum(1), a, right, up, extent, *look)
        self._add([column[size > 1e-6] for column in columns], False, corners)

    def box(
        self,
        low: tuple[float, float, float],
        high: tuple[float, float, float],
        materials: tuple[Material, ...],
        colour: tuple[float, ...],
        grain: float = 0.0,
    ) -> None:
        """Add a box between (left, bottom, near) and (right, top, far), heights upwards."""
        (x0, h0, z0), (x1, h1, z1) = low, high
        ring = [(x0, z0), (x1, z0), (x1, z1), (x0, z1)]
        corners = np.array([(x, -h, z) for h in (h0, h1) for x, z in ring])
        self.hexahedron(corners, materials, colour, grain)

    def ellipsoid(
        self,
        centre: tuple[float, float, float],
        radii: tuple[float, float, float],
        material: Material,
        colour: tuple[float, ...],
        grain: float = 0.0,
    ) -> None:
        """Add an axis-aligned ellipsoid; centre is (x, height, z), radii are (x, y, z)."""
        middle = np.array([centre[0], -centre[1], centre[2]])
        right, up = np.array([[1.0, 0, 0]]), np.array([[0, -1.0, 0]])
        look = np.array([colour]), np.array([grain]), np.array([int(material)])
        columns = [np.zeros((1, 3)), np.zeros(1), middle[None], right, up, np.array([radii]), *look]
        signs = np.array([(x, y, z) for y in (1, -1) for x, z in ((-1, -1), (1, -1), (1, 1), (-1, 1))])
        self._add(columns, True, middle + signs * np.array(radii))

    def build(self) -> Scene:
        """Return the scene of everything added so far, in the builder's own axes."""
        columns = [np.concatenate(rows) for rows in zip(*self.faces, strict=True)]
        normal, offset, origin, right, up, extent, colour, grain, material = columns
        counts, is_round, corners = (np.array(column) for column in zip(*self.solids, strict=True))
        stop = np.cumsum(counts)
        return Scene(
            normal=normal,
            offset=offset,
            origin=origin,
            right=right,
            up=up,
            extent=extent.astype(np.float32),
            colour=colour.astype(np.float32),
            grain=grain.astype(np.float32),
            material=material,
            body=np.zeros(len(material), int),
            start=stop - counts,
            stop=stop,
            is_round=is_round,
            corners=corners,
        )

    def _add(self, columns: list[np.ndarray], is_round: bool, corners: np.ndarray) -> None:
        """Store the face rows of one solid."""
        self.faces.append(columns)
        self.solids.append((len(columns[0]), is_round, corners))
