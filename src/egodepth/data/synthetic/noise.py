"""Band-limited patterns: what is finer than a pixel's footprint fades to its mean, so neighbouring frames agree."""

import numpy as np
from jaxtyping import Float


LATTICE = np.random.default_rng(2019).uniform(-1, 1, (256, 256)).astype(np.float32)
"""Random values at integer points, repeating every 256; all noise is read from here at its own offset."""

Line = Float[np.ndarray, " n"]


def cell_value(i: Line, j: Line) -> Line:
    """A random value in [-1, 1] of each integer cell (i, j)."""
    return LATTICE.ravel()[(i.astype(np.intp) & 255) * 256 + (j.astype(np.intp) & 255)]


def lattice_noise(x: Line, y: Line) -> Line:
    """Smooth noise in [-1, 1] with one random value at each integer point (value noise, smoothstep in between)."""
    x0, y0 = np.floor(x), np.floor(y)
    fx, fy = x - x0, y - y0
    fx, fy = fx * fx * (3 - 2 * fx), fy * fy * (3 - 2 * fy)
    i, j = x0.astype(np.intp) & 255, y0.astype(np.intp) & 255
    i, i1, j1 = i * 256, ((i + 1) & 255) * 256, (j + 1) & 255
    table = LATTICE.ravel()
    near = table.take(i + j) * (1 - fy) + table.take(i + j1) * fy
    far = table.take(i1 + j) * (1 - fy) + table.take(i1 + j1) * fy
    return near + (far - near) * fx


def fractal_noise(x: Line, y: Line, footprint: Line, cell: float, octaves: int, gain: float = 0.6) -> Line:
    """Sum of octaves of noise; the coarsest has one value every `cell` metres, each next is twice as fine.

    Args:
        x, y: Coordinates on the surface in metres (or any two coordinates of a point in space).
        footprint: Width that one pixel covers there, metres; octaves finer than it fade out.
        cell: Distance of the coarsest random values, metres.
        octaves: Number of octaves; the amplitude of each is `gain` times the one before, the first has 1.
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
    """Share of a pixel of width `footprint` around x that lies between `low` and `high`."""
    width = np.maximum(footprint, 1e-3)
    return (np.clip(x + width / 2, low, high) - np.clip(x - width / 2, low, high)) / width


def stripes(x: Line, period: Line | float, low: Line | float, high: Line | float, footprint: Line) -> Line:
    """Share of a pixel that lies in stripes from `low` to `high` repeated every `period` (exact box filter)."""
    width = np.maximum(footprint, 1e-3)

    def covered(edge: Line) -> Line:
        whole = np.floor(edge / period)
        return whole * (high - low) + np.clip(edge - whole * period - low, 0, high - low)

    return (covered(x + width / 2) - covered(x - width / 2)) / width


def disc(x: Line, y: Line, radius: float, footprint: Line) -> Line:
    """Share of a pixel inside a disc around the origin, from the distance to its edge."""
    width = np.maximum(footprint, 1e-3)
    return np.clip((radius - np.hypot(x, y)) / width + 0.5, 0, 1)
