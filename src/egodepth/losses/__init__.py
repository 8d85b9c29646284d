"""Losses as pure functions. They return maps where a caller may want the map, and do not depend on the networks."""

from egodepth.losses.combination import automask, average_reprojection, minimum_reprojection
from egodepth.losses.photometric import photometric_error, ssim
from egodepth.losses.shift_invariant import scale_shift_invariant_error
from egodepth.losses.smoothness import edge_aware_smoothness
from egodepth.losses.supervised import (
    log_depth_error,
    log_depth_excess,
    log_depth_gradient_error,
    pose_error,
    units_of_network,
)

__all__ = [
    "automask",
    "average_reprojection",
    "edge_aware_smoothness",
    "log_depth_error",
    "log_depth_excess",
    "log_depth_gradient_error",
    "minimum_reprojection",
    "photometric_error",
    "pose_error",
    "scale_shift_invariant_error",
    "ssim",
    "units_of_network",
]
