"""Band-limited patterns: details finer than a pixel fade to their mean, so that neighbouring frames agree."""

import numpy as np
from jaxtyping import Float, Int

_PERIOD = 256


def _lattice() -> Float[np.ndarray, "n 4"]:
    """Return the coefficients of a bilinear patch for each cell of a random lattice with period `_PERIOD`.

    The value at (x, y) in a cell, both 0 to 1, is c0 + c1 x + c2 y + c3 x y.
    """
    v = np.random.default_rng(2019).uniform(-1, 1, (_PERIOD, _PERIOD)).astype(np.float32)
    right, below = np.roll(v, -1, 0), np.roll(v, -1, 1)
    across = np.roll(right, -1, 1)
    return np.stack([v, right - v, below - v, across - right - below + v], -1).reshape(-1, 4)


LATTICE = _lattice()
"""Source of all noise, read at different offsets."""

Line = Float[np.ndarray, " n"]


def _cells(i: Line, j: Line) -> Int[np.ndarray, " n"]:
    """Return the rows of the lattice for integer coordinates."""
    return ((i.astype(np.int32) & (_PERIOD - 1)) << 8) | (j.astype(np.int32) & (_PERIOD - 1))


def cell_value(i: Line, j: Line) -> Line:
    """Return a random value in [-1, 1] for each integer cell (i, j)."""
    return LATTICE[_cells(i, j), 0]


def lattice_noise(x: Line, y: Line) -> Line:
    """Return smooth noise in [-1, 1] with one random value at each integer point (value noise, smoothstep between)."""
    x0, y0 = np.floor(x), np.floor(y)
    patch = LATTICE.take(_cells(x0, y0), 0).T
    fx, fy = x - x0, y - y0
    fx, fy = fx * fx * (3 - 2 * fx), fy * fy * (3 - 2 * fy)
    return patch[0] + patch[1] * fx + (patch[2] + patch[3] * fx) * fy


def fractal_noise(x: Line, y: Line, footprint: Line, cell: float, octaves: int, gain: float = 0.6) -> Line:
    """Return the sum of octaves of noise; the coarsest has one value every `cell` metres, each next is twice as fine.

    Args:
        x: Coordinate on the surface in metres (or any coordinate of a point in space).
        y: Second coordinate.
        footprint: Width of one pixel on the surface, metres; finer octaves fade out.
        cell: Distance of the coarsest random values, metres.
        octaves: Number of octaves; the first has amplitude 1, each next `gain` times the previous.
        gain: Ratio of amplitudes.
    """
    total, amplitude, frequency = np.zeros_like(x), 1.0, 1.0 / cell
    for octave in range(octaves):
        weight = np.clip(1.5 - 2.0 * footprint * frequency, 0, 1) * np.float32(amplitude)
        kept = np.flatnonzero(weight)
        shift = np.float32(17.37 * octave)
        if len(kept) == len(x):
            total += weight * lattice_noise(x * np.float32(frequency) + shift, y * np.float32(frequency) + shift)
        elif len(kept):
            xk, yk = x[kept] * np.float32(frequency) + shift, y[kept] * np.float32(frequency) + shift
            total[kept] += weight[kept] * lattice_noise(xk, yk)
        amplitude, frequency = amplitude * gain, frequency * 2
    return total


def band(x: Line, low: Line | float, high: Line | float, footprint: Line) -> Line:
    """Return the share of a pixel of width `footprint` around x that lies between `low` and `high`."""
    width = np.maximum(footprint, 1e-3)
    return (np.clip(x + width / 2, low, high) - np.clip(x - width / 2, low, high)) / width


def stripes(x: Line, period: Line | float, low: Line | float, high: Line | float, footprint: Line) -> Line:
    """Return the share of a pixel in stripes from `low` to `high` repeated every `period` (exact box filter)."""
    width = np.maximum(footprint, 1e-3)
    x = x - np.floor(x / period) * period  # small numbers, because the difference below is between nearly equal ones

    def covered(edge: Line) -> Line:
        whole = np.floor(edge / period)
        return whole * (high - low) + np.clip(edge - whole * period - low, 0, high - low)

    return (covered(x + width / 2) - covered(x - width / 2)) / width


def disc(x: Line, y: Line, radius: Line | float, footprint: Line) -> Line:
    """Return the share of a pixel inside a disc around the origin, from the distance to its edge."""
    width = np.maximum(footprint, 1e-3)
    return np.clip((radius - np.hypot(x, y)) / width + 0.5, 0, 1)
