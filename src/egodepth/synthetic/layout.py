"""Layout of all static objects: each side of the road is a sequence of different neighbourhoods."""

import numpy as np

from egodepth.synthetic import buildings, furniture
from egodepth.synthetic.cars import random_car
from egodepth.synthetic.road import Road
from egodepth.synthetic.scene import Scene


def random_layout(rng: np.random.Generator, road: Road, begin: float, end: float) -> list[Scene]:
    """Return all static solids between two positions along the road, and the trees that close the view behind `end`."""
    scenes: list[Scene] = []
    for side in (-1, 1):
        scenes += _neighbourhoods(rng, road, side, begin, end)
        scenes += _parked_cars(rng, road, side, begin, end)
        scenes += _roadside(rng, road, side, begin, end)
        scenes += _backdrop(rng, road, side, begin, end)
    for lateral in np.arange(-60, 61, 7.0):
        z = end + rng.uniform(2, 14)
        scenes.append(_standing(furniture.distant_tree(rng), road, z, lateral + rng.uniform(-2, 2)))
    return scenes


def _standing(scene: Scene, road: Road, z: float, lateral: float, turn: float = 0.0) -> Scene:
    return scene.placed(road.pose(z, lateral, turn))


def _neighbourhoods(rng: np.random.Generator, road: Road, side: int, begin: float, end: float) -> list[Scene]:
    """Return sections of 20 to 60 metres: closed rows of houses, detached houses, halls, walls, parks."""
    scenes: list[Scene] = []
    kinds = (_terrace, _gardens, _halls, _walled, _park)
    weights = rng.dirichlet((1.4, 1.2, 0.6, 0.7, 0.8))
    z = begin
    while z < end:
        length = rng.uniform(20, 60)
        kind = kinds[rng.choice(len(kinds), p=weights * 0.8 + 0.04)]
        scenes += kind(rng, road, side, z, min(z + length, end))
        z += length + rng.uniform(0, 6)
    return scenes


def _terrace(rng: np.random.Generator, road: Road, side: int, begin: float, end: float) -> list[Scene]:
    """Return houses wall to wall behind the pavement."""
    scenes, z, setback = [], begin, rng.uniform(1.8, 5.0)
    while z < end:
        width = rng.uniform(7, 16)
        house = buildings.town_house(rng, side, width, setback)
        scenes.append(_standing(house, road, z + width / 2, road.kerb(side)))
        z += width + (rng.uniform(2, 5) if rng.random() < 0.15 else 0.0)
    return scenes


def _gardens(rng: np.random.Generator, road: Road, side: int, begin: float, end: float) -> list[Scene]:
    """Return detached houses behind a fence, with trees and bushes between."""
    scenes, z, setback, kerb = [], begin, rng.uniform(5, 12), road.kerb(side)
    fence, fence_height = rng.uniform(1.6, 2.4), rng.uniform(0.7, 1.9)
    while z < end:
        width = rng.uniform(8, 13)
        plot = width + rng.uniform(4, 10)
        house = buildings.detached_house(rng, side, width, setback + rng.uniform(-1.5, 1.5))
        scenes.append(_standing(house, road, z + plot / 2, kerb))
        if rng.random() < 0.75:
            wall = buildings.garden_wall(rng, side, plot - rng.uniform(1, 4), fence, fence_height)
            scenes.append(_standing(wall, road, z + plot / 2, kerb))
        for _ in range(rng.integers(1, 4)):
            plant = furniture.tree(rng, rng.uniform(0.6, 1.1)) if rng.random() < 0.5 else furniture.bush(rng)
            scenes.append(
                _standing(plant, road, z + rng.uniform(0, plot), kerb + side * rng.uniform(fence + 1, setback - 1))
            )
        z += plot
    return scenes


def _halls(rng: np.random.Generator, road: Road, side: int, begin: float, end: float) -> list[Scene]:
    """Return one or two large blank buildings."""
    width = max(end - begin, 8.0)
    scene = buildings.hall(rng, side, width, rng.uniform(2.0, 8.0))
    return [_standing(scene, road, begin + width / 2, road.kerb(side))]


def _walled(rng: np.random.Generator, road: Road, side: int, begin: float, end: float) -> list[Scene]:
    """Return a long wall along the pavement with trees and a house behind it."""
    scenes, kerb, setback, z = [], road.kerb(side), rng.uniform(1.6, 3.5), begin
    height = rng.uniform(1.8, 3.4)
    while z < end:
        length = rng.uniform(9, 22)
        wall = buildings.garden_wall(rng, side, length, setback, height + rng.uniform(-0.2, 0.2))
        scenes.append(_standing(wall, road, z + length / 2, kerb))
        for _ in range(rng.integers(1, 4)):
            lateral = kerb + side * (setback + rng.uniform(2, 8))
            scenes.append(
                _standing(furniture.tree(rng, rng.uniform(0.8, 1.4)), road, z + rng.uniform(0, length), lateral)
            )
        z += length
    return scenes


def _park(rng: np.random.Generator, road: Road, side: int, begin: float, end: float) -> list[Scene]:
    """Return grass with trees and bushes at random."""
    scenes, kerb = [], road.kerb(side)
    for _ in range(int((end - begin) / 5)):
        plant = furniture.tree(rng, rng.uniform(0.7, 1.5)) if rng.random() < 0.6 else furniture.bush(rng)
        scenes.append(_standing(plant, road, rng.uniform(begin, end), kerb + side * rng.uniform(3.0, 22)))
    return scenes


def _parked_cars(rng: np.random.Generator, road: Road, side: int, begin: float, end: float) -> list[Scene]:
    """Return cars in the parking bays, most of them facing the driving direction of their side."""
    bay = road.parking[0 if side < 0 else 1]
    if bay == 0:
        return []
    scenes, density, lateral = [], rng.uniform(0.35, 0.9), road.kerb(side) - side * (bay / 2 - 0.05)
    for z in np.arange(begin, end, 5.6):
        if rng.random() < density:
            ahead = (side > 0) != (rng.random() < 0.15)
            turn = (0.0 if ahead else np.pi) + rng.uniform(-0.03, 0.03)
            scenes.append(_standing(random_car(rng), road, z + rng.uniform(-0.5, 0.5), lateral, turn))
    return scenes


def _roadside(rng: np.random.Generator, road: Road, side: int, begin: float, end: float) -> list[Scene]:
    """Return lamp posts, signs, bollards and a row of trees at the kerb: thin objects close to the camera."""
    kerb, spacing = road.kerb(side), rng.uniform(18, 28)
    lamps = np.arange(begin + rng.uniform(0, spacing), end, spacing)
    scenes = [_standing(furniture.lamp_post(rng, side), road, z, kerb + side * 0.4) for z in lamps]
    signs = np.cumsum(rng.uniform(7, 26, int((end - begin) / 12))) + begin
    scenes += [_standing(furniture.sign(rng), road, z, kerb + side * rng.uniform(0.4, 0.8)) for z in signs]
    if rng.random() < 0.5:
        gap, size, lateral = rng.uniform(7, 13), rng.uniform(0.8, 1.3), kerb + side * rng.uniform(0.6, 1.2)
        avenue = [z for z in np.arange(begin + rng.uniform(0, gap), end, gap) if rng.random() < 0.8]
        scenes += [_standing(furniture.tree(rng, size * rng.uniform(0.85, 1.15)), road, z, lateral) for z in avenue]
    if rng.random() < 0.35:
        first = rng.uniform(begin, end)
        bollards = np.arange(first, min(first + 30, end), rng.uniform(1.8, 3))
        scenes += [_standing(furniture.bollard(rng), road, z, kerb + side * 0.3) for z in bollards]
    return scenes


def _backdrop(rng: np.random.Generator, road: Road, side: int, begin: float, end: float) -> list[Scene]:
    """Return distant trees that hide the end of the ground."""
    return [
        _standing(furniture.distant_tree(rng), road, z, side * rng.uniform(32, 60))
        for z in np.arange(begin + 10, end, 11.0)
    ]
