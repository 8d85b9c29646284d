"""Errors of depth against hints (Watson et al. 2019), and of poses against structure from motion."""

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

_APART = (1, 2, 4, 8)
"""Distances, in pixels, of the pairs of pixels whose differences are compared."""


def log_depth_error(
    depth: Float[Tensor, "*s b h w"], inverse_depth: Float[Tensor, "b h w"]
) -> Float[Tensor, "*s b h w"]:
    """Return |log depth - log hint| at each pixel; 0 where there is no hint.

    Args:
        depth: depth of the network, of one or several scales.
        inverse_depth: inverse depth of the hints in the same unit; 0 where there is none.
    """
    return _log_ratio(depth, inverse_depth).abs()


def log_depth_excess(
    depth: Float[Tensor, "*s b h w"], inverse_depth: Float[Tensor, "b h w"]
) -> Float[Tensor, "*s b h w"]:
    """Return by how much log depth exceeds a limit; 0 where it does not, or where there is no limit.

    Args:
        depth: depth of the network, of one or several scales.
        inverse_depth: inverse depth of the furthest possible surface, in the same unit; 0 where there is no limit.
    """
    return _log_ratio(depth, inverse_depth).clamp(min=0)


def log_depth_gradient_error(
    depth: Float[Tensor, "b h w"], inverse_depth: Float[Tensor, "b h w"], counts: Bool[Tensor, "b h w"]
) -> Float[Tensor, ""]:
    """Return the gradient matching loss (Li and Snavely, MegaDepth, CVPR 2018, eq. 4).

    It is the mean absolute difference of (log depth - log hint) between two pixels of a row or a column with a distance
    of 1, 2, 4 or 8 pixels; 0 without any pair. It compares the depth ratio across the edge of an object, so it does not
    depend on the unit of depth.

    Args:
        depth: depth of the network.
        inverse_depth: inverse depth of the hints; 0 where there is none.
        counts: the pixels whose hint is used. A pair counts if both pixels are used and have a hint.
    """
    hint = torch.where(counts, inverse_depth, torch.zeros_like(inverse_depth))
    error, known = _log_ratio(depth, hint), hint > 0
    total = error.new_zeros(())
    for apart in _APART:
        for dim in (1, 2):
            length = error.shape[dim] - apart
            if length > 0:
                both = known.narrow(dim, apart, length) & known.narrow(dim, 0, length)
                step = (error.narrow(dim, apart, length) - error.narrow(dim, 0, length)).abs()
                total = total + (step * both).sum() / both.sum().clamp(min=1)
    return total / (2 * len(_APART))


def _log_ratio(depth: Float[Tensor, "*s b h w"], inverse_depth: Float[Tensor, "b h w"]) -> Float[Tensor, "*s b h w"]:
    """Return the logarithm of depth over hint; 0, without a gradient, where there is no hint."""
    known = inverse_depth > 0
    safe = torch.where(known, inverse_depth, torch.ones_like(inverse_depth))
    return torch.where(known, (depth * safe).clamp(min=1e-12).log(), torch.zeros_like(depth))


def units_of_network(
    depth: Float[Tensor, "b h w"], inverse_depth: Float[Tensor, "b h w"], unit: Int64[Tensor, " b"]
) -> Float[Tensor, " b"]:
    """Return, for every sample, the factor that converts hints and their poses to the network's unit of depth.

    It is 1 where both units are the same. Else it is the median ratio of depth and hint, without a gradient. Hints of
    another unit therefore teach the shape of depth, not its scale.

    Args:
        depth: depth of the network.
        inverse_depth: inverse depth of the hints; 0 where there is none.
        unit: number of the unit of a sample's hints; 0 is the network's unit.
    """
    ratio = torch.where(inverse_depth > 0, depth.detach() * inverse_depth, torch.nan).flatten(1).nanmedian(1).values
    return torch.where((unit == 0) | ratio.isnan(), torch.ones_like(ratio), ratio)


def pose_error(
    estimated: Float[Tensor, "*b 4 4"], known: Float[Tensor, "*b 4 4"], depth: Float[Tensor, "*b"]
) -> Float[Tensor, "*b"]:
    """Return the error of an estimated motion: angle between the rotations, plus translation error over depth.

    This is about how far the error displaces the image.

    Args:
        estimated: source_from_target of the pose network.
        known: source_from_target by structure from motion.
        depth: typical depth of the scene, in the unit of both translations.
    """
    turn = (estimated[..., :3, :3] - known[..., :3, :3]).flatten(-2).norm(dim=-1) / 2**0.5  # small angles: radians
    shift = (estimated[..., :3, 3] - known[..., :3, 3]).norm(dim=-1) / depth
    return turn + shift
