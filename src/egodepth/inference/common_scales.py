"""Convert depth to pixel values, with one scale for all images of a call."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8, UInt16
from matplotlib import colormaps

KITTI_SCALE = 256.0
"""Factor from metres to the values of 16-bit depth PNGs, as in KITTI."""
TYPICAL_DEPTH = 20.0
"""If depth is up to scale, PNGs are scaled so that the median depth of all images has this value."""
SAMPLES_PER_IMAGE = 512
"""Approximate number of pixels per image from which the common scales are computed."""


@dataclass(frozen=True)
class CommonScales:
    """Conversion of depth to pixel values, the same for every image of a call."""

    png: float
    """Factor from depth to the values of the 16-bit PNG."""
    dark: float
    bright: float
    """Inverse depths at the two ends of the colour scale."""

    @classmethod
    def of(cls, inverse_depth: Float[np.ndarray, "n"], metric: bool) -> "CommonScales":
        """Return scales for a sample of the pixels of all images."""
        typical = 1 / float(np.median(inverse_depth))
        dark, bright = np.percentile(inverse_depth, (1, 99)).tolist()
        return cls(KITTI_SCALE if metric else KITTI_SCALE * TYPICAL_DEPTH / typical, dark, bright)

    def depth_png(self, depth: Float[np.ndarray, "h w"]) -> UInt16[np.ndarray, "h w"]:
        """Return depth as 16-bit values; 0 is reserved for `unknown`, too large depth saturates."""
        return np.clip(np.round(depth * self.png), 1, 65535).astype(np.uint16)

    def colours(self, inverse_depth: Float[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w 3"]:
        """Return colours: near is bright, far is dark."""
        share = (inverse_depth - self.dark) / max(self.bright - self.dark, 1e-12)
        return colormaps["magma"](np.clip(share, 0, 1), bytes=True)[..., :3]

    def colour_index(self, inverse_depth: Float[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w"]:
        """Return rows of `colour_table`, which takes a fifth of the time of `colours`; for every frame of a video."""
        factor = 256 / max(self.bright - self.dark, 1e-12)
        return np.clip((inverse_depth - self.dark) * factor, 0, 255).astype(np.uint8)

    @staticmethod
    def colour_table() -> UInt8[np.ndarray, "256 3"]:
        """Return the colours from far to near."""
        return colormaps["magma"](np.arange(256), bytes=True)[:, :3]

    def summary(self, metric: bool, scale: str = "") -> dict[str, object]:
        """Return what a reader of the files needs to know; `scale` states the origin of the metres, if not training."""
        unit = "metres" if metric else "units that differ from metres by one unknown factor"
        unit += f" ({scale})" if scale else ""
        return {
            "metric": metric,
            "depth_unit": unit,
            "depth_png": {"scale": self.png, "reading": "depth = value / scale; 65535 means this far or farther"},
            "colour": {"quantity": "inverse depth", "dark": self.dark, "bright": self.bright},
        }


def sampled(inverse_depth: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "n"]:
    """Return about `SAMPLES_PER_IMAGE` values, evenly spaced."""
    step = max(1, round((inverse_depth.size / SAMPLES_PER_IMAGE) ** 0.5))
    return inverse_depth[::step, ::step].ravel()
