"""Albedo of the ground: asphalt and its markings, parking bays, kerbs, pavements, and what lies beyond."""

from typing import TYPE_CHECKING

import numpy as np

from egodepth.data.synthetic.materials import Albedo, Surface, mix
from egodepth.data.synthetic.noise import Line, band, fractal_noise, stripes


if TYPE_CHECKING:
    from egodepth.data.synthetic.road import Road


PAVEMENT = 2.4
"""Width of the pavements, metres."""


def ground(s: Surface, road: "Road") -> Albedo:
    """Colour of points on the ground, from their place in the road's cross-section."""
    x, z = s.point[:, 0], s.point[:, 2]
    lateral = (x - road.centre(z).astype(np.float32)) * np.cos(np.arctan(road.slope(z))).astype(np.float32)
    noise = fractal_noise(x, z, s.footprint, 6.0, 7)
    left, right = road.kerb(-1), road.kerb(1)
    base = _markings(_asphalt(x, z, lateral, s, noise), road, lateral, z, s)
    outside = np.maximum(left - lateral, lateral - right)
    base = mix(base, _slabs(outside, z, s, noise), band(outside, 0.0, PAVEMENT, s.foot_u))
    base = mix(base, np.full(3, 0.62) * (1 + 0.1 * noise)[:, None], band(outside, -0.16, 0.0, s.foot_u))
    return mix(base, _verge(x, z, s, noise), band(outside, PAVEMENT, 1e4, s.foot_u))


def _asphalt(x: Line, z: Line, lateral: Line, s: Surface, noise: Line) -> Albedo:
    """Grey with patches, worn wheel tracks and grit."""
    patch = np.clip(4 * fractal_noise(x + 300, z * 0.6, s.footprint, 9.0, 3) - 1.2, 0, 1)
    streaks = fractal_noise(lateral * 2.5, z * 0.08, s.foot_u, 1.0, 3)
    grit = fractal_noise(x + 40, z, s.footprint, 0.35, 3)
    light = 0.33 * (1 + 0.12 * noise - 0.22 * patch + 0.10 * streaks + 0.14 * grit)
    return light[:, None] * np.array([1.0, 1.0, 1.02], np.float32)


def _markings(base: Albedo, road: "Road", lateral: Line, z: Line, s: Surface) -> Albedo:
    """The dashed centre line, edge lines, and the corners of parking bays."""
    white = np.full(3, 0.80, np.float32)
    if road.is_two_way:
        dashes = stripes(z, 7.5, 0.0, 3.0, s.foot_v) * band(lateral, -0.07, 0.07, s.foot_u)
        base = mix(base, white, dashes * 0.9)
    for side in (-1, 1):
        inward = road.half_width - side * lateral
        base = mix(base, white, band(inward, 0.0, 0.12, s.foot_u) * 0.8)
        if road.parking[0 if side < 0 else 1]:
            bays = stripes(z, 5.6, 2.75, 2.87, s.foot_v) * band(inward, -2.1, 0.0, s.foot_u)
            base = mix(base, white, bays * 0.8)
    return base


def _slabs(outside: Line, z: Line, s: Surface, noise: Line) -> Albedo:
    """Paving slabs with dark joints."""
    joints = np.maximum(stripes(z, 0.8, 0, 0.04, s.foot_v), stripes(outside, 0.8, 0, 0.04, s.foot_u))
    light = 0.52 * (1 + 0.14 * noise - 0.3 * joints)
    return light[:, None] * np.array([1.0, 0.98, 0.94], np.float32)


def _verge(x: Line, z: Line, s: Surface, noise: Line) -> Albedo:
    """Grass, with bare earth in places."""
    blades = fractal_noise(x + 7, z, s.footprint, 0.5, 4, 0.8)
    grass = np.array([0.27, 0.34, 0.13], np.float32) * (1 + 0.25 * noise + 0.3 * blades)[:, None]
    earth = np.array([0.42, 0.36, 0.28], np.float32) * (1 + 0.2 * noise + 0.15 * blades)[:, None]
    bare = np.clip(3 * fractal_noise(x * 0.5 - 90, z * 0.5, s.footprint, 7.0, 3) - 0.6, 0, 1)
    return mix(grass, earth, bare)
