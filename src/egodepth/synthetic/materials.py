"""Albedo of walls, roofs, leaves and street furniture, from surface coordinates in metres."""

import numpy as np
from jaxtyping import Float

from egodepth.synthetic.noise import Line, band, cell_value, disc, fractal_noise, stripes
from egodepth.synthetic.surface import Surface

Albedo = Float[np.ndarray, "3 n"]


def column(*colour: float) -> Float[np.ndarray, "3 1"]:
    """Return a colour that broadcasts over rays."""
    return np.array(colour, np.float32)[:, None]


def mix(base: Float[np.ndarray, "3 #n"], top: Float[np.ndarray, "3 #n"], share: Line) -> Albedo:
    """Blend `top` over `base` by `share`; 1 gives `top`."""
    return base + (top - base) * share


def plain(s: Surface) -> Albedo:
    """Paint one uniform colour without any texture."""
    return s.colour


def _weathered(s: Surface, strength: float = 0.10) -> Albedo:
    """Paint plaster with stains: weak noise, a darker foot."""
    noise = fractal_noise(s.u + 90 * s.grain, s.v * 0.5, s.footprint, 4.0, 5)
    foot = np.clip(1 - s.v / 0.8, 0, 1) * 0.15
    return s.colour * (1 + strength * noise - foot)


def _windows(s: Surface, base: Albedo, first_floor: float) -> Albedo:
    """Paint rows of windows with light frames and glass of different brightness, cut off at the face's edges."""
    floor = 3.1
    count = np.maximum(np.round(s.extent[0] / (1.9 + 1.6 * s.grain)), 1)
    period = s.extent[0] / count
    half, tall = 0.5 + 0.15 * np.sin(40 * s.grain), 1.35 + 0.3 * np.cos(60 * s.grain)
    sill = 0.95
    inside = band(s.v, first_floor, s.extent[1] - 0.5, s.foot_v)

    def opening(margin: float) -> Line:
        across = stripes(s.u, period, period / 2 - half - margin, period / 2 + half + margin, s.foot_u)
        return across * stripes(s.v, floor, sill - margin, sill + tall + margin, s.foot_v) * inside

    cell = cell_value(np.floor(s.u / period) + np.floor(97 * s.grain), np.floor(s.v / floor) + 31)
    cell = cell * np.clip(1.5 - s.footprint / 1.5, 0, 1)
    light = np.clip(0.22 + 0.16 * cell + 0.04 * (s.v - np.floor(s.v / floor) * floor), 0.04, 0.7)
    glass = light * column(0.85, 0.95, 1.1)
    frame = np.where(s.grain > 0.35, np.float32(0.85), np.float32(0.35)) * column(1.0, 1.0, 1.0)
    # Mullion: the central post of each window.
    post = stripes(s.u, period, period / 2 - 0.04, period / 2 + 0.04, s.foot_u)
    return mix(mix(base, frame, opening(0.12)), mix(glass, frame, post), opening(0.0))


def facade(s: Surface) -> Albedo:
    """Paint weathered plaster, rows of windows, a line between the floors, an eaves band."""
    base = _weathered(s)
    ledge = stripes(s.v, 3.1, 2.98, 3.1, s.foot_v) * (s.grain > 0.5)
    base = base * (1 + 0.22 * ledge - 0.25 * band(s.v, s.extent[1] - 0.35, s.extent[1], s.foot_v))
    return _windows(s, base, 0.0)


def shop(s: Surface) -> Albedo:
    """Paint a facade over a row of shop windows with a coloured fascia."""
    base = _windows(s, _weathered(s), 3.1)
    panes = stripes(s.u, 3.4, 0.25, 3.15, s.foot_u) * band(s.v, 0.45, 2.5, s.foot_v)
    goods = fractal_noise(s.u + 50 * s.grain, s.v, s.footprint, 0.9, 3)
    hue = np.stack([np.sin(20 * s.grain + 2.1 * k) * 0.3 + 0.4 for k in range(3)])
    fascia = band(s.v, 2.65, 3.2, s.foot_v)
    letters = stripes(s.u, 0.5, 0.1, 0.34, s.foot_u) * band(s.v, 2.8, 3.05, s.foot_v)
    base = mix(base, mix(hue, column(0.9, 0.9, 0.85), letters), fascia)
    return mix(base, (0.25 + 0.16 * goods) * column(1.0, 0.95, 0.9), panes)


def masonry(s: Surface) -> Albedo:
    """Paint stones in courses, each with its own shade, with pale joints."""
    row = np.floor(s.v / 0.3)
    shifted = s.u + 0.31 * row
    cell = cell_value(np.floor(shifted / 0.6), row + np.floor(50 * s.grain)) * np.clip(1.4 - s.footprint / 0.3, 0, 1)
    joint = np.maximum(stripes(s.v, 0.3, 0.0, 0.035, s.foot_v), stripes(shifted, 0.6, 0.0, 0.035, s.foot_u))
    noise = fractal_noise(s.u + 70 * s.grain, s.v, s.footprint, 2.5, 6)
    stone = s.colour * (1 + 0.22 * cell + 0.16 * noise)
    return mix(stone, s.colour * 1.25, joint * 0.7)


def roof(s: Surface) -> Albedo:
    """Paint rows of tiles."""
    rows = stripes(s.v, 0.36, 0.0, 0.1, s.foot_v)
    noise = fractal_noise(s.u, s.v, s.footprint, 1.5, 4)
    return s.colour * (1 - 0.3 * rows + 0.16 * noise)


def foliage(s: Surface) -> Albedo:
    """Paint leaves: noise in world space, light clumps and dark gaps."""
    x, y, z = s.point
    shift = 60 * s.grain
    clumps = fractal_noise(x + 0.6 * z + shift, y, s.footprint, 1.1, 4, 0.75)
    leaves = fractal_noise(z - 0.6 * x + shift, y * 1.2 + 0.3 * x, s.footprint, 0.8, 4, 0.8)
    light = np.clip(1 + 0.42 * (clumps + leaves), 0.15, 2.2)
    tint = column(0.12, 0.05, -0.1) * leaves
    return s.colour * (light + tint)


def bark(s: Surface) -> Albedo:
    """Paint streaks along the trunk, darker towards its edges."""
    streaks = fractal_noise(s.u * 6 + 80 * s.grain, s.v, s.footprint * 3, 1.0, 4)
    side = np.abs(2 * s.u / np.maximum(s.extent[0], 1e-3) - 1)
    return s.colour * (1 + 0.3 * streaks - 0.25 * side * side)


def metal(s: Surface) -> Albedo:
    """Paint a post: lighter in the centre, slightly stained along its length."""
    side = np.abs(2 * s.u / np.maximum(s.extent[0], 1e-3) - 1)
    stain = fractal_noise(s.v, s.v * 0.3, s.footprint, 0.6, 3)
    return s.colour * (1.1 - 0.35 * side + 0.12 * stain)


def sign(s: Surface) -> Albedo:
    """Paint a warning disc, a blue disc, or a rectangular board with lines of text."""
    half = s.extent[0] / 2
    x, y = s.u - half, s.v - half
    outer, inner = disc(x, y, half, s.footprint), disc(x, y, 0.72 * half, s.footprint)
    bar = band(x, -0.45 * half, 0.45 * half, s.foot_u) * band(y, -0.12 * half, 0.12 * half, s.foot_v)
    red = mix(mix(s.colour, column(0.75, 0.08, 0.08), outer), column(0.92, 0.92, 0.9), inner)
    red = mix(red, column(0.1, 0.1, 0.1), bar)
    blue = mix(mix(s.colour, column(0.1, 0.25, 0.65), outer), column(0.92, 0.92, 0.92), bar)
    text = stripes(s.v, 0.16, 0.05, 0.11, s.foot_v) * band(x, -0.75 * half, 0.75 * half, s.foot_u)
    board = mix(column(0.92, 0.9, 0.82), column(0.12, 0.2, 0.15), text)
    return np.where(s.grain < 0.45, red, np.where(s.grain < 0.75, blue, board))
