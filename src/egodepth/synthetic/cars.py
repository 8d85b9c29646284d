"""Cars made of a few hexahedra each: body, cabin, underside."""

import numpy as np

from egodepth.synthetic.scene import Material, Scene, SceneBuilder

PAINTS = (
    (0.78, 0.79, 0.80), (0.62, 0.64, 0.66), (0.16, 0.17, 0.19), (0.08, 0.08, 0.09), (0.55, 0.08, 0.07),
    (0.10, 0.18, 0.42), (0.85, 0.85, 0.83), (0.24, 0.30, 0.26), (0.45, 0.38, 0.28), (0.30, 0.45, 0.62),
)  # fmt: skip
LENGTH = 4.3
"""Length of the longest ordinary car, metres, for parking and following distances."""


def random_car(rng: np.random.Generator) -> Scene:
    """Return a hatchback, saloon or van on the ground at the origin, facing along z."""
    kind = rng.choice(3, p=(0.45, 0.35, 0.2))
    paint = tuple(np.array(PAINTS[rng.integers(len(PAINTS))]) * rng.uniform(0.85, 1.1))
    return hatchback(paint) if kind == 0 else saloon(paint) if kind == 1 else van(paint)


def hatchback(paint: tuple[float, ...]) -> Scene:
    """Return a small car with a steep tail."""
    return _car(paint, length=3.9, width=1.70, belt=0.90, roof=1.48, cabin=(0.02, 0.70), taper=(0.22, 0.75))


def saloon(paint: tuple[float, ...]) -> Scene:
    """Return a three-box car."""
    return _car(paint, length=4.3, width=1.78, belt=0.88, roof=1.42, cabin=(0.16, 0.74), taper=(0.5, 0.8))


def van(paint: tuple[float, ...]) -> Scene:
    """Return a tall delivery van."""
    return _car(paint, length=4.3, width=1.86, belt=1.10, roof=1.98, cabin=(0.0, 0.84), taper=(0.04, 0.7))


def _car(
    paint: tuple[float, ...],
    length: float,
    width: float,
    belt: float,
    roof: float,
    cabin: tuple[float, float],
    taper: tuple[float, float],
) -> Scene:
    """Return a car from its dimensions; `cabin` is its span as shares of the length, `taper` shortens the roof."""
    builder, half, low = SceneBuilder(), length / 2, 0.36
    body = (Material.CAR_REAR, Material.CAR_SIDE, Material.CAR_FRONT, Material.CAR_SIDE, Material.CAR_PAINT)
    builder.box((-width / 2, low, -half), (width / 2, belt, half), (*body, Material.SHADE), paint)
    under = (Material.SHADE, Material.CAR_UNDER, Material.SHADE, Material.CAR_UNDER, Material.SHADE, Material.SHADE)
    builder.box((-width / 2 + 0.02, 0.0, -half + 0.04), (width / 2 - 0.02, low, half - 0.04), under, paint)
    rear, front = -half + cabin[0] * length, -half + cabin[1] * length
    wide, narrow = width / 2 - 0.06, width / 2 - 0.22
    ring = [(-wide, rear), (wide, rear), (wide, front), (-wide, front)]
    top = [
        (-narrow, rear + taper[0]),
        (narrow, rear + taper[0]),
        (narrow, front - taper[1]),
        (-narrow, front - taper[1]),
    ]
    corners = np.array([(x, -belt, z) for x, z in ring] + [(x, -roof, z) for x, z in top])
    glass, side = Material.CAR_GLASS, Material.CAR_CABIN
    builder.hexahedron(corners, (glass, side, glass, side, Material.CAR_PAINT, Material.CAR_PAINT), paint)
    return builder.build()
