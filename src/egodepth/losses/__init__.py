"""The losses: pure functions, unreduced where a caller may want the map; they know no networks."""

from egodepth.losses.photometric import PhotometricTarget, WindowStatistics, photometric_error, ssim, window_statistics
from egodepth.losses.reprojection import automask, average_reprojection, minimum_reprojection
from egodepth.losses.shift_invariant import scale_shift_invariant_error
from egodepth.losses.smoothness import edge_aware_smoothness

__all__ = [
    "PhotometricTarget",
    "WindowStatistics",
    "automask",
    "average_reprojection",
    "edge_aware_smoothness",
    "minimum_reprojection",
    "photometric_error",
    "scale_shift_invariant_error",
    "ssim",
    "window_statistics",
]
