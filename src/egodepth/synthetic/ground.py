"""Albedo of the ground: asphalt and its markings, parking bays, kerbs, pavements, verges."""

import numpy as np

from egodepth.synthetic.materials import Albedo, column, mix
from egodepth.synthetic.noise import Line, band, fractal_noise, stripes
from egodepth.synthetic.road import Road
from egodepth.synthetic.surface import Surface

PAVEMENT = 2.4
"""Width of the pavements, metres."""
KERB = 0.16


def ground(s: Surface, road: Road) -> Albedo:
    """Return the colour of points on the ground, from their position in the road's cross-section."""
    x, z = s.point[0], s.point[2]
    lateral = ((x - road.centre(z)) * np.cos(np.arctan(road.slope(z)))).astype(np.float32)
    outside = np.maximum(road.kerb(-1) - lateral, lateral - road.kerb(1))
    noise = fractal_noise(x, z, s.footprint, 6.0, 6)
    albedo = np.zeros((3, len(x)), np.float32)
    near = s.foot_u / 2
    # Each pixel gets the shares of all zones that it may touch.
    zones = ((-1e4, 0.0), (0.0, PAVEMENT), (PAVEMENT, 1e4))
    for (low, high), shade in zip(zones, (_carriageway, _slabs, _verge), strict=True):
        rows = np.flatnonzero((outside > low - near) & (outside < high + near))
        own = shade(x[rows], z[rows], lateral[rows], outside[rows], s.foot_u[rows], s.foot_v[rows], noise[rows], road)
        albedo[:, rows] += own * band(outside[rows], low, high, s.foot_u[rows])
    return mix(albedo, (0.62 + 0.06 * noise) * column(1.0, 1.0, 1.0), band(outside, -KERB, 0.0, s.foot_u))


def _carriageway(
    x: Line, z: Line, lateral: Line, _outside: Line, foot_u: Line, foot_v: Line, noise: Line, road: Road
) -> Albedo:
    """Paint asphalt with patches, worn wheel tracks and painted lines."""
    footprint = np.maximum(foot_u, foot_v)
    patch = np.clip(4 * fractal_noise(x + 300, z * 0.6, footprint, 9.0, 2) - 1.2, 0, 1)
    streaks = fractal_noise(lateral * 2.5, z * 0.08, foot_u, 1.0, 2)
    light = 0.36 * (1 + 0.15 * noise - 0.22 * patch + 0.10 * streaks)
    base = light * column(1.0, 1.0, 1.02)
    white = (0.82 + 0.05 * noise) * column(1.0, 1.0, 1.0)
    if road.is_two_way:
        dashes = stripes(z, 7.5, 0.0, 3.0, foot_v) * band(lateral, -0.07, 0.07, foot_u)
        base = mix(base, white, dashes * 0.9)
    for side in (-1, 1):
        inward = road.half_width - side * lateral
        base = mix(base, white, band(inward, 0.0, 0.12, foot_u) * 0.8)
        if road.parking[0 if side < 0 else 1]:
            bays = stripes(z, 5.6, 2.75, 2.87, foot_v) * band(inward, -2.1, 0.0, foot_u)
            base = mix(base, white, bays * 0.8)
    return base


def _slabs(
    _x: Line, z: Line, _lateral: Line, outside: Line, foot_u: Line, foot_v: Line, noise: Line, _road: Road
) -> Albedo:
    """Paint paving slabs with dark joints."""
    joints = np.maximum(stripes(z, 0.8, 0.0, 0.04, foot_v), stripes(outside, 0.8, 0.0, 0.04, foot_u))
    light = 0.55 * (1 + 0.14 * noise - 0.3 * joints)
    return light * column(1.0, 0.98, 0.94)


def _verge(
    x: Line, z: Line, _lateral: Line, _outside: Line, foot_u: Line, foot_v: Line, noise: Line, _road: Road
) -> Albedo:
    """Paint grass, with bare earth in places."""
    footprint = np.maximum(foot_u, foot_v)
    blades = fractal_noise(x + 7, z, footprint, 0.5, 3, 0.8)
    grass = column(0.29, 0.36, 0.14) * (1 + 0.25 * noise + 0.3 * blades)
    earth = column(0.44, 0.38, 0.30) * (1 + 0.2 * noise + 0.15 * blades)
    bare = np.clip(3 * fractal_noise(x * 0.5 - 90, z * 0.5, footprint, 7.0, 2) - 0.6, 0, 1)
    return mix(grass, earth, bare)
