"""Albedo of the parts of a car, from surface coordinates as shares of the part's length and height."""

import numpy as np
from jaxtyping import Float

from egodepth.synthetic.materials import Albedo, column, mix
from egodepth.synthetic.noise import Line, band, disc
from egodepth.synthetic.surface import Surface

GLASS = column(0.10, 0.12, 0.14)
TYRE, HUB = column(0.05, 0.05, 0.055), column(0.45, 0.46, 0.48)


def _wheels(s: Surface, base: Albedo, height: Line) -> Albedo:
    """Paint tyres and hubs near both ends; `height` is above the ground, metres."""
    for share in (0.19, 0.81):
        x, y = s.u - share * s.extent[0], height - 0.31
        base = mix(base, TYRE, disc(x, y, 0.34, s.footprint))
        base = mix(base, HUB, disc(x, y, 0.19, s.footprint))
    return base


def side(s: Surface) -> Albedo:
    """Paint doors: two thin gaps, a sill, the upper parts of the wheels."""
    base = s.colour
    for gap in (0.36, 0.62):
        at = gap * s.extent[0]
        base = mix(base, s.colour * 0.45, band(s.u, at - 0.012, at + 0.012, s.foot_u))
    base = mix(base, s.colour * 0.55, band(s.v, 0.0, 0.06, s.foot_v))
    return _wheels(s, base, s.v + 0.36)


def under(s: Surface) -> Albedo:
    """Paint the dark underside, with the lower parts of the wheels on its sides."""
    return _wheels(s, shade(s), s.v)


def shade(s: Surface) -> Albedo:
    """Paint nearly black, for places without light."""
    return np.full_like(s.colour, 0.03)


def _end(s: Surface, lamp: Float[np.ndarray, "3 1"], lamp_height: float, middle: Float[np.ndarray, "3 1"]) -> Albedo:
    """Paint tail or nose: a lamp at either edge, a number plate, a dark bumper line."""
    length, height = s.extent[0], s.extent[1]
    edge = np.minimum(s.u, length - s.u)
    lamps = band(edge, 0.04, 0.34, s.foot_u) * band(s.v, lamp_height * height, (lamp_height + 0.34) * height, s.foot_v)
    centre = s.u - length / 2
    plate = band(centre, -0.26, 0.26, s.foot_u) * band(s.v, 0.28 * height, 0.28 * height + 0.12, s.foot_v)
    bumper = band(s.v, 0.0, 0.1, s.foot_v)
    base = mix(mix(s.colour, column(0.05, 0.05, 0.05), 0.7 * bumper), middle, plate)
    return mix(base, lamp, lamps)


def rear(s: Surface) -> Albedo:
    """Paint red lamps and a pale number plate."""
    return _end(s, column(0.55, 0.05, 0.04), 0.5, column(0.85, 0.84, 0.75))


def front(s: Surface) -> Albedo:
    """Paint white lamps and a dark grille."""
    base = _end(s, column(0.92, 0.92, 0.88), 0.5, column(0.85, 0.84, 0.8))
    centre = s.u - s.extent[0] / 2
    grille = band(centre, -0.42, 0.42, s.foot_u) * band(s.v, 0.6 * s.extent[1], 0.85 * s.extent[1], s.foot_v)
    return mix(base, column(0.06, 0.06, 0.065), grille)


def cabin(s: Surface) -> Albedo:
    """Paint side windows between narrow pillars."""
    share = s.v / s.extent[1]
    # The cabin narrows upwards. Keep the end pillars roughly parallel to its slanted edges.
    inset = 0.12 + 0.32 * share * s.extent[1]
    panes = band(s.u, inset, s.extent[0] - inset * 1.4, s.foot_u)
    panes = panes * band(s.v, 0.08 * s.extent[1], 0.84 * s.extent[1], s.foot_v)
    middle = 0.5 * s.extent[0]
    glass = GLASS * (0.7 + 0.9 * share)
    return mix(s.colour, glass, panes * (1 - band(s.u, middle - 0.05, middle + 0.05, s.foot_u)))


def glass(s: Surface) -> Albedo:
    """Paint windscreen or rear window in its frame, brighter towards the top, where it reflects the sky."""
    share = np.clip(s.v / s.extent[1], 0, 1)
    inset = 0.07 + 0.17 * share
    panes = band(s.u, inset, s.extent[0] - inset, s.foot_u)
    panes = panes * band(s.v, 0.08 * s.extent[1], 0.9 * s.extent[1], s.foot_v)
    return mix(s.colour, GLASS * (0.8 + 1.6 * share), panes)
