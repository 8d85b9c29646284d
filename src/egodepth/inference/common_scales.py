"""How depth becomes pixel values: one scale for everything that is looked at together."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8, UInt16
from matplotlib import colormaps

KITTI_SCALE = 256.0
"""16-bit depth PNGs hold metres times this, as KITTI's do."""
TYPICAL_DEPTH = 20.0
"""Where depth is only known up to scale, the PNGs are scaled so that the median of all images lands on this."""
SAMPLES_PER_IMAGE = 512
"""Pixels of each image that the common scales are found from, about."""


@dataclass(frozen=True)
class CommonScales:
    """How depth becomes pixel values, the same for every image of one call."""

    png: float
    """The 16-bit PNG holds depth times this."""
    dark: float
    bright: float
    """Inverse depths at the two ends of the colours."""

    @classmethod
    def of(cls, inverse_depth: Float[np.ndarray, "n"], metric: bool) -> "CommonScales":
        """Scales that suit a sample of the pixels of all images."""
        typical = 1 / float(np.median(inverse_depth))
        dark, bright = np.percentile(inverse_depth, (1, 99)).tolist()
        return cls(KITTI_SCALE if metric else KITTI_SCALE * TYPICAL_DEPTH / typical, dark, bright)

    def depth_png(self, depth: Float[np.ndarray, "h w"]) -> UInt16[np.ndarray, "h w"]:
        """Depth as 16-bit values; 0 stays free for `unknown`, what is too far saturates."""
        return np.clip(np.round(depth * self.png), 1, 65535).astype(np.uint16)

    def colours(self, inverse_depth: Float[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w 3"]:
        """Near is bright, far is dark."""
        share = (inverse_depth - self.dark) / max(self.bright - self.dark, 1e-12)
        return colormaps["magma"](np.clip(share, 0, 1), bytes=True)[..., :3]

    def colour_index(self, inverse_depth: Float[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w"]:
        """Rows of `colour_table`: `colours` in a fifth of the time, for what is done to every frame of a video."""
        factor = 256 / max(self.bright - self.dark, 1e-12)
        return np.clip((inverse_depth - self.dark) * factor, 0, 255).astype(np.uint8)

    @staticmethod
    def colour_table() -> UInt8[np.ndarray, "256 3"]:
        """The colours from far to near."""
        return colormaps["magma"](np.arange(256), bytes=True)[:, :3]

    def summary(self, metric: bool, scale: str = "") -> dict[str, object]:
        """What a reader of the files has to know; `scale` says how the metres were found, if not by training."""
        unit = "metres" if metric else "units that differ from metres by one unknown factor"
        unit += f" ({scale})" if scale else ""
        return {
            "metric": metric,
            "depth_unit": unit,
            "depth_png": {"scale": self.png, "reading": "depth = value / scale; 65535 means this far or farther"},
            "colour": {"quantity": "inverse depth", "dark": self.dark, "bright": self.bright},
        }


def sampled(inverse_depth: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "n"]:
    """About `SAMPLES_PER_IMAGE` values, evenly spread."""
    step = max(1, round((inverse_depth.size / SAMPLES_PER_IMAGE) ** 0.5))
    return inverse_depth[::step, ::step].ravel()
