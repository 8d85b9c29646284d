"""The sky: infinitely far, a function of the direction alone."""

import numpy as np
from jaxtyping import Float

from egodepth.synthetic.materials import column, mix
from egodepth.synthetic.noise import fractal_noise
from egodepth.synthetic.street import Street


def sky(street: Street, ray: Float[np.ndarray, "3 n"]) -> Float[np.ndarray, "3 n"]:
    """Return a gradient from the bright horizon to blue or grey, with clouds on a distant plane."""
    unit = ray / np.sqrt((ray * ray).sum(0))
    height = np.clip(-unit[1], 0, 1)
    is_clear = street.sunlight > 0
    zenith = column(0.34, 0.54, 0.84) if is_clear else column(0.66, 0.69, 0.74)
    cloud = column(0.96, 0.96, 0.97) if is_clear else column(0.84, 0.85, 0.87)
    base = mix(column(0.88, 0.91, 0.94), zenith, np.sqrt(height))
    scale = 1 / (height + 0.12)
    noise = fractal_noise(unit[0] * scale + street.seed % 97, unit[2] * scale, 0.004 * scale, 0.9, 5)
    return mix(base, cloud, 0.85 * np.clip(0.3 + 1.3 * noise, 0, 1) * np.clip(height * 8, 0, 1))
