"""Errors of depth and poses against what is known of them: hints (Watson et al. 2019) and structure from motion."""

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

_APART = (1, 2, 4, 8)
"""Pixels between two whose step is compared."""


def log_depth_error(
    depth: Float[Tensor, "*s b h w"], inverse_depth: Float[Tensor, "b h w"]
) -> Float[Tensor, "*s b h w"]:
    """|log depth - log hint| of each pixel; 0 where there is no hint.

    Args:
        depth: the network's, perhaps of several scales.
        inverse_depth: hints in the same unit; 0 where there is none.
    """
    return _log_ratio(depth, inverse_depth).abs()


def log_depth_excess(
    depth: Float[Tensor, "*s b h w"], inverse_depth: Float[Tensor, "b h w"]
) -> Float[Tensor, "*s b h w"]:
    """By how much log depth exceeds a limit; 0 where it does not, or there is none.

    Args:
        depth: the network's, perhaps of several scales.
        inverse_depth: of the limit, behind which nothing lies, in the same unit; 0 where there is none.
    """
    return _log_ratio(depth, inverse_depth).clamp(min=0)


def log_depth_gradient_error(
    depth: Float[Tensor, "b h w"], inverse_depth: Float[Tensor, "b h w"], counts: Bool[Tensor, "b h w"]
) -> Float[Tensor, ""]:
    """The gradient matching loss: mean difference of log depth - log hint between pixels 1, 2, 4 and 8 apart.

    Pairs lie in a row or a column; without any it is 0. It asks for the step where an object ends, however far both
    sides are, and so knows no unit (Li and Snavely, MegaDepth, CVPR 2018, eq. 4).

    Args:
        depth: the network's.
        inverse_depth: hints; 0 where there is none.
        counts: the pixels whose hint is asked. A pair counts where both do and have one.
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
    """The logarithm of depth over hint; 0, without a gradient, where there is no hint."""
    known = inverse_depth > 0
    safe = torch.where(known, inverse_depth, torch.ones_like(inverse_depth))
    return torch.where(known, (depth * safe).clamp(min=1e-12).log(), torch.zeros_like(depth))


def units_of_network(
    depth: Float[Tensor, "b h w"], inverse_depth: Float[Tensor, "b h w"], unit: Int64[Tensor, " b"]
) -> Float[Tensor, " b"]:
    """The network's unit over the hints', for every sample: by how much hints and their poses have to be enlarged.

    It is 1 where they are the same. Else it is the median ratio of depth and hint, without a gradient: such
    hints teach the shape of depth, not its scale.

    Args:
        depth: the network's.
        inverse_depth: hints; 0 where there is none.
        unit: number of the unit of a sample's hints; 0 is the network's.
    """
    ratio = torch.where(inverse_depth > 0, depth.detach() * inverse_depth, torch.nan).flatten(1).nanmedian(1).values
    return torch.where((unit == 0) | ratio.isnan(), torch.ones_like(ratio), ratio)


def pose_error(
    estimated: Float[Tensor, "*b 4 4"], known: Float[Tensor, "*b 4 4"], depth: Float[Tensor, "*b"]
) -> Float[Tensor, "*b"]:
    """How far an estimated motion displaces the image: angle between the rotations plus translation over depth.

    Args:
        estimated: source_from_target of the pose network.
        known: the same by structure from motion.
        depth: typical depth of the scene, in the unit of both translations.
    """
    turn = (estimated[..., :3, :3] - known[..., :3, :3]).flatten(-2).norm(dim=-1) / 2**0.5  # the angle, if it is small
    shift = (estimated[..., :3, 3] - known[..., :3, 3]).norm(dim=-1) / depth
    return turn + shift
