"""Shadows of all static objects on the ground, computed once for a street on a grid from above."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from egodepth.synthetic.noise import Line
from egodepth.synthetic.scene import Scene

TEXEL = 0.2
"""Size of a grid cell, metres."""
_LEVELS = 6


@dataclass(frozen=True)
class ShadowMap:
    """Share of shadow on the ground. For distant views, each level is twice as blurred along z as the previous one."""

    levels: Float[np.ndarray, "l z x"]
    corner: tuple[float, float]
    """World x and z of the first cell."""

    def shade(self, x: Line, z: Line, footprint: Line) -> Line:
        """Return the shadow, 0 to 1, at points of the ground where a pixel covers `footprint` metres along z."""
        level = np.clip(np.log2(np.maximum(footprint, TEXEL) / TEXEL), 0, len(self.levels) - 1.001)
        below = level.astype(np.int32)
        weight = level - below
        near, far = (self._bilinear(below + step, x, z) for step in (0, 1))
        return near + (far - near) * weight

    def _bilinear(self, level: np.ndarray, x: Line, z: Line) -> Line:
        _, rows, columns = self.levels.shape
        i = np.clip((z - self.corner[1]) / TEXEL - 0.5, 0, rows - 1.001)
        j = np.clip((x - self.corner[0]) / TEXEL - 0.5, 0, columns - 1.001)
        i0, j0 = i.astype(np.int32), j.astype(np.int32)
        fi, fj = (i - i0).astype(np.float32), (j - j0).astype(np.float32)
        first, flat = (level * rows + i0) * columns + j0, self.levels.ravel()
        low = flat[first] * (1 - fj) + flat[first + 1] * fj
        high = flat[first + columns] * (1 - fj) + flat[first + columns + 1] * fj
        return low * (1 - fi) + high * fi


def shadow_map(
    scene: Scene, sun: Float[np.ndarray, " 3"], x_range: tuple[float, float], z_range: tuple[float, float]
) -> ShadowMap:
    """Cast shadows along the direction towards the `sun` on the ground of a rectangle (world metres)."""
    x = np.arange(x_range[0], x_range[1], TEXEL) + TEXEL / 2
    z = np.arange(z_range[0], z_range[1], TEXEL) + TEXEL / 2
    dark = np.zeros((len(z), len(x)), bool)
    # Position of each corner's shadow.
    fallen = scene.corners - (scene.corners[..., 1] / sun[1])[..., None] * sun
    boxes = np.stack([fallen[..., axis].min(1) for axis in (2, 0)] + [fallen[..., axis].max(1) for axis in (2, 0)], 1)
    low = np.array([z_range[0], x_range[0]])
    cells = np.clip((boxes - np.tile(low, 2)) / TEXEL + (0, 0, 1, 1), 0, [len(z), len(x)] * 2).astype(int)
    for solid, (top, left, bottom, right) in enumerate(cells.tolist()):
        if top < bottom and left < right:
            test = _ellipsoid_blocks if scene.is_round[solid] else _convex_blocks
            dark[top:bottom, left:right] |= test(scene, solid, sun, x[None, left:right], z[top:bottom, None])
    return ShadowMap(_blurred(dark.astype(np.float32)), (x_range[0], z_range[0]))


def _convex_blocks(scene: Scene, solid: int, sun: np.ndarray, x: np.ndarray, z: np.ndarray) -> Bool[np.ndarray, "z x"]:
    """Whether a convex solid is between points of the ground and the sun."""
    rows = np.s_[scene.start[solid] : scene.stop[solid]]
    normal, offset = scene.normal[rows], scene.offset[rows]
    towards = normal @ sun
    towards = np.where(np.abs(towards) < 1e-9, 1e-9, towards)
    # The distance to each plane along the sun's direction is affine in x and z.
    a, c, k = (value[:, None, None] for value in (-normal[:, 0] / towards, -normal[:, 2] / towards, offset / towards))
    t = a * x + (c * z + k)
    enter = np.maximum.reduce(t[towards < 0], initial=0)
    return np.minimum.reduce(t[towards > 0], initial=np.inf) > enter


def _ellipsoid_blocks(
    scene: Scene, solid: int, sun: np.ndarray, x: np.ndarray, z: np.ndarray
) -> Bool[np.ndarray, "z x"]:
    """Whether an ellipsoid above the ground is between points of the ground and the sun."""
    row = scene.start[solid]
    radii, centre = scene.extent[row], scene.origin[row]
    ray = sun / radii
    px, py, pz = (x - centre[0]) / radii[0], -centre[1] / radii[1], (z - centre[2]) / radii[2]
    along = px * ray[0] + (py * ray[1] + pz * ray[2])
    return along * along > (ray @ ray) * (px * px + (py * py + pz * pz) - 1)


def _blurred(dark: Float[np.ndarray, "z x"]) -> Float[np.ndarray, "l z x"]:
    """Return the levels: a soft edge of a cell or two, then longer and longer means along z."""
    soft = _box(_box(dark, 3, 0), 3, 1)
    return np.stack([soft, *(_box(soft, 2**level + 1, 0) for level in range(1, _LEVELS))])


def _box(values: Float[np.ndarray, "z x"], width: int, axis: int) -> Float[np.ndarray, "z x"]:
    """Return the running mean over `width` (odd) cells, with repeated edges."""
    half = width // 2
    padding = [(half + 1, half) if k == axis else (0, 0) for k in (0, 1)]
    total = np.cumsum(np.pad(values, padding, mode="edge"), axis, dtype=np.float64)
    high, low = (
        np.take(total, range(width, total.shape[axis]), axis),
        np.take(total, range(total.shape[axis] - width), axis),
    )
    return ((high - low) / width).astype(np.float32)
