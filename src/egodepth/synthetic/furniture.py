"""Thin and small objects beside the road: trees, bushes, lamp posts, signs, bollards; each stands at the origin."""

import numpy as np

from egodepth.synthetic.scene import Material, Scene, SceneBuilder

GREENS = ((0.24, 0.34, 0.12), (0.30, 0.38, 0.14), (0.18, 0.28, 0.12), (0.38, 0.38, 0.14), (0.27, 0.31, 0.17))


def tree(rng: np.random.Generator, size: float) -> Scene:
    """Return a trunk and a crown of a few ellipsoids; `size` 1 is about 8 metres high."""
    builder = SceneBuilder()
    green = np.array(GREENS[rng.integers(len(GREENS))])
    trunk, girth = size * rng.uniform(2.6, 3.4), size * rng.uniform(0.13, 0.2)
    _add_post(builder, girth, girth * 0.7, trunk + 0.8 * size, Material.BARK, (0.34, 0.27, 0.21), float(rng.random()))
    for part in range(rng.integers(3, 6)):
        spread = 0.0 if part == 0 else size * rng.uniform(0.6, 1.2)
        angle, radius = rng.uniform(0, 2 * np.pi), size * rng.uniform(1.1, 1.7)
        centre = (spread * np.cos(angle), trunk + size * rng.uniform(1.2, 2.8), spread * np.sin(angle))
        colour = tuple(green * rng.uniform(0.85, 1.15))
        builder.ellipsoid(centre, (radius, radius * 0.85, radius), Material.FOLIAGE, colour, float(rng.random()))
    return builder.build()


def distant_tree(rng: np.random.Generator) -> Scene:
    """Return one large crown down to the ground, for objects that are never near."""
    builder, radius = SceneBuilder(), rng.uniform(3.5, 6.5)
    height, green = rng.uniform(4, 8), np.array(GREENS[rng.integers(len(GREENS))]) * rng.uniform(0.85, 1.1)
    builder.ellipsoid(
        (0.0, height * 0.6, 0.0), (radius, height, radius), Material.FOLIAGE, tuple(green), float(rng.random())
    )
    return builder.build()


def bush(rng: np.random.Generator) -> Scene:
    """Return a low ellipsoid of leaves."""
    builder, radius, height = SceneBuilder(), rng.uniform(0.6, 1.6), rng.uniform(0.5, 1.3)
    colour = tuple(np.array(GREENS[rng.integers(len(GREENS))]) * rng.uniform(0.8, 1.1))
    builder.ellipsoid((0.0, height * 0.6, 0.0), (radius, height, radius), Material.FOLIAGE, colour, float(rng.random()))
    return builder.build()


def lamp_post(rng: np.random.Generator, side: int) -> Scene:
    """Return a tall post with an arm over the road."""
    builder, height, grey = SceneBuilder(), rng.uniform(5.5, 8), tuple(np.full(3, rng.uniform(0.25, 0.5)))
    _add_post(builder, 0.09, 0.06, height, Material.METAL, grey)
    reach = (-1.6, 0.0) if side > 0 else (0.0, 1.6)
    builder.box((reach[0], height - 0.1, -0.05), (reach[1], height, 0.05), (Material.METAL,), grey)
    head = reach[0] if side > 0 else reach[1]
    builder.box((head - 0.4, height - 0.12, -0.15), (head + 0.4, height + 0.06, 0.15), (Material.METAL,), grey)
    return builder.build()


def sign(rng: np.random.Generator) -> Scene:
    """Return a traffic sign on a thin post, facing the traffic."""
    builder, height, half = SceneBuilder(), rng.uniform(2.1, 2.6), rng.uniform(0.28, 0.42)
    _add_post(builder, 0.035, 0.035, height, Material.METAL, (0.5, 0.5, 0.5))
    faces = (Material.SIGN, *(Material.METAL,) * 5)
    low, high = (-half, height - half, -0.07), (half, height + half, -0.04)
    builder.box(low, high, faces, (0.45, 0.46, 0.48), float(rng.random()))
    return builder.build()


def bollard(rng: np.random.Generator) -> Scene:
    """Return a knee-high post."""
    builder = SceneBuilder()
    colour = ((0.75, 0.74, 0.70), (0.25, 0.24, 0.24), (0.6, 0.15, 0.12))[rng.integers(3)]
    _add_post(builder, 0.08, 0.07, rng.uniform(0.8, 1.1), Material.METAL, colour)
    return builder.build()


def _add_post(
    builder: SceneBuilder,
    girth: float,
    tip: float,
    height: float,
    material: Material,
    colour: tuple[float, ...],
    grain: float = 0.0,
) -> None:
    """Add a square post on the ground, with half-widths `girth` at the foot and `tip` at the top."""
    corners = [
        (s * w, -h, t * w) for h, w in ((0, girth), (height, tip)) for s, t in ((-1, -1), (1, -1), (1, 1), (-1, 1))
    ]
    builder.hexahedron(np.array(corners), (material,), colour, grain)
