"""Tone mapping of HDR video from phones, which otherwise looks grey and flat."""

from functools import lru_cache

import numpy as np
from jaxtyping import Float64, UInt8

PQ, HLG = 16, 18
"""Transfer characteristics in ITU-T H.273: SMPTE ST 2084 (HDR10, Dolby Vision) and ARIB STD-B67 (HLG)."""
_WHITE_NITS, _BRIGHTEST_NITS = 203.0, 1000.0
"""Luminance of white paper in HDR (ITU-R BT.2408), and of the brightest output value."""


def is_hdr(transfer: int) -> bool:
    """Whether a video has one of the two supported transfer characteristics."""
    return transfer in (PQ, HLG)


def tone_mapped(image: UInt8[np.ndarray, "h w 3"], transfer: int) -> UInt8[np.ndarray, "h w 3"]:
    """Map HDR code values to ordinary ones: to luminance, Reinhard's curve (2002, eq. 4), and a gamma of 2.2.

    The map works channel by channel in the original wide primaries. Colours become slightly pale, which does not matter
    for training or prediction; the contrast is that of other videos.
    """
    return _table(transfer)[image]


@lru_cache(maxsize=2)
def _table(transfer: int) -> UInt8[np.ndarray, "256"]:
    code = np.arange(256) / 255
    nits = pq_nits(code) if transfer == PQ else hlg_nits(code)
    light, white = nits / _WHITE_NITS, _BRIGHTEST_NITS / _WHITE_NITS
    shown = light * (1 + light / white**2) / (1 + light)
    return np.round(255 * np.clip(shown, 0, 1) ** (1 / 2.2)).astype(np.uint8)


def pq_nits(code: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, " n"]:
    """Return the luminance of PQ code values in [0, 1] (SMPTE ST 2084), in candela per square metre."""
    m1, m2 = 2610 / 16384, 2523 / 4096 * 128
    c1, c2, c3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    root = code ** (1 / m2)
    return 10_000 * (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1)


def hlg_nits(code: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, " n"]:
    """Return the luminance of HLG code values in [0, 1] on a 1000 cd/m² display (ARIB STD-B67, ITU-R BT.2100)."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(code <= 0.5, code**2 / 3, (np.exp((code - c) / a) + b) / 12)
    return 1000 * scene**1.2
