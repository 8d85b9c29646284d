"""Buildings and garden walls, in the axes of their section of road: x outwards from the kerb line, z along the road."""

import numpy as np

from egodepth.synthetic.scene import Material, Scene, SceneBuilder

PLASTERS = (
    (0.80, 0.74, 0.60), (0.72, 0.66, 0.56), (0.83, 0.81, 0.76), (0.62, 0.42, 0.33), (0.70, 0.56, 0.42),
    (0.58, 0.60, 0.60), (0.78, 0.68, 0.62), (0.66, 0.70, 0.64), (0.52, 0.36, 0.30), (0.86, 0.84, 0.80),
)  # fmt: skip
ROOFS = ((0.44, 0.22, 0.17), (0.36, 0.20, 0.17), (0.26, 0.25, 0.27), (0.33, 0.29, 0.27))


def _tint(rng: np.random.Generator, palette: tuple[tuple[float, ...], ...]) -> tuple[float, ...]:
    return tuple(np.array(palette[rng.integers(len(palette))]) * rng.uniform(0.85, 1.08))


def _faces(side: int, front: Material, ends: Material, top: Material) -> tuple[Material, ...]:
    """Return the materials of a box that faces the road: its left face on the right side, and vice versa."""
    back = ends
    right, left = (back, front) if side > 0 else (front, back)
    return (ends, right, ends, left, top, top)


def _span(side: int, inner: float, outer: float) -> tuple[float, float]:
    """Return the interval of x between two distances from the kerb, in ascending order."""
    return (inner, outer) if side > 0 else (-outer, -inner)


def add_roof(
    builder: SceneBuilder,
    x: tuple[float, float],
    z: tuple[float, float],
    base: float,
    rise: float,
    colour: tuple[float, ...],
) -> None:
    """Add a gable roof with its ridge along the road."""
    middle = (x[0] + x[1]) / 2
    low = [(x[0] - 0.3, z[0]), (x[1] + 0.3, z[0]), (x[1] + 0.3, z[1]), (x[0] - 0.3, z[1])]
    top = [(middle, z[0]), (middle, z[0]), (middle, z[1]), (middle, z[1])]
    corners = np.array([(a, -base, b) for a, b in low] + [(a, -base - rise, b) for a, b in top])
    builder.hexahedron(corners, (Material.ROOF,), colour)


def town_house(rng: np.random.Generator, side: int, width: float, setback: float) -> Scene:
    """Return a house of three to six floors in a closed row, some with shops, with blank side walls."""
    builder, height, depth = SceneBuilder(), 3.1 * rng.integers(2, 6) + rng.uniform(0.6, 1.6), rng.uniform(9, 13)
    setback += rng.uniform(-0.3, 0.3)
    wall, grain, x = _tint(rng, PLASTERS), float(rng.random()), _span(side, setback, setback + depth)
    front = Material.SHOP if rng.random() < 0.4 else Material.FACADE
    z = (-width / 2, width / 2)
    builder.box(
        (x[0], 0.0, z[0]), (x[1], height, z[1]), _faces(side, front, Material.PLAIN, Material.PLAIN), wall, grain
    )
    if rng.random() < 0.7:
        add_roof(builder, x, z, height, rng.uniform(2, 4), _tint(rng, ROOFS))
    if rng.random() < 0.35:
        _add_balconies(builder, rng, side, setback, width, height)
    return builder.build()


def _add_balconies(
    builder: SceneBuilder, rng: np.random.Generator, side: int, setback: float, width: float, height: float
) -> None:
    """Add slabs that extend a metre over the pavement."""
    x, middle = _span(side, setback - 1.0, setback), rng.uniform(-0.25, 0.25) * width
    for floor in np.arange(3.1, height - 2.5, 3.1):
        builder.box((x[0], floor, middle - 1.4), (x[1], floor + 1.0, middle + 1.4), (Material.PLAIN,), (0.7, 0.7, 0.69))


def detached_house(rng: np.random.Generator, side: int, width: float, setback: float) -> Scene:
    """Return a house with windows on all sides and a gable roof."""
    builder, height, depth = SceneBuilder(), 2.9 * rng.integers(1, 3) + 0.6, rng.uniform(7, 10)
    wall, x, z = _tint(rng, PLASTERS), _span(side, setback, setback + depth), (-width / 2, width / 2)
    faces = _faces(side, Material.FACADE, Material.FACADE, Material.PLAIN)
    builder.box((x[0], 0.0, z[0]), (x[1], height, z[1]), faces, wall, float(rng.random()))
    add_roof(builder, x, (z[0] - 0.4, z[1] + 0.4), height, rng.uniform(2, 3.6), _tint(rng, ROOFS))
    if rng.random() < 0.6:
        chimney = (x[0] + x[1]) / 2 + rng.uniform(-1, 1)
        builder.box((chimney, height, 0.0), (chimney + 0.6, height + 4, 0.6), (Material.MASONRY,), (0.5, 0.3, 0.24))
    return builder.build()


def hall(rng: np.random.Generator, side: int, width: float, setback: float) -> Scene:
    """Return a workshop or warehouse: a large wall of one uniform colour, some with a gate."""
    builder, height, x = SceneBuilder(), rng.uniform(4.5, 9), _span(side, setback, setback + 14)
    wall = _tint(rng, PLASTERS)
    builder.box((x[0], 0.0, -width / 2), (x[1], height, width / 2), (Material.PLAIN,), wall)
    trim = _span(side, setback - 0.08, setback)
    shade = tuple(0.6 * np.array(wall))
    builder.box((trim[0], height - 0.5, -width / 2), (trim[1], height + 0.1, width / 2), (Material.PLAIN,), shade)
    for gate in np.arange(-width / 2 + 5, width / 2 - 5, rng.uniform(9, 16)):
        builder.box((trim[0], 0.0, gate - 1.6), (trim[1], 3.2, gate + 1.6), (Material.ROOF,), (0.35, 0.38, 0.42))
    return builder.build()


def garden_wall(rng: np.random.Generator, side: int, length: float, setback: float, height: float) -> Scene:
    """Return a wall of masonry or uniform plaster, or a hedge."""
    builder = SceneBuilder()
    kind = rng.choice(3, p=(0.35, 0.35, 0.3))
    material = (Material.MASONRY, Material.PLAIN, Material.FOLIAGE)[kind]
    colour = ((0.55, 0.42, 0.34), _tint(rng, PLASTERS), (0.20, 0.30, 0.12))[kind]
    thick = 0.9 if material == Material.FOLIAGE else 0.3
    x = _span(side, setback, setback + thick)
    builder.box((x[0], 0.0, -length / 2), (x[1], height, length / 2), (material,), colour, float(rng.random()))
    return builder.build()
