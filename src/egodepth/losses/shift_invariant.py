"""A teacher's shape without its scale: an error of disparities that no factor and no shift of either changes."""

from jaxtyping import Float
from torch import Tensor

MIDDLE = 0.1
"""Share of each map's values, about the median, whose mean stands for the median."""
_FLATTEST = 1e-6
"""Least spread that is divided by: a map that is flat has no shape to compare."""


def scale_shift_invariant_error(
    disparity: Float[Tensor, "b h w"], teacher: Float[Tensor, "b h w"]
) -> Float[Tensor, "b h w"]:
    """Absolute difference a pixel of both maps, each less its median and over its mean distance from it.

    The normalisation of MiDaS (Ranftl et al. 2022, eq. 5 and 6). A network's disparity and inverse depth differ by a
    factor and a shift, so that either may be given.

    In place of the median stands the mean of the middle tenth of the values. It is nearly the same number. Its gradient
    is spread over these pixels; a median's gradient goes through one pixel alone. A shift or a stretch of the whole
    disparity has no gradient.

    Args:
        disparity: the network's, or inverse depth.
        teacher: inverse depth up to an unknown factor and shift.
    """
    return (_normalised(disparity) - _normalised(teacher)).abs()


def _normalised(values: Float[Tensor, "b h w"]) -> Float[Tensor, "b h w"]:
    centred = values - _middle(values)[:, None, None]
    spread = centred.abs().mean((1, 2), keepdim=True)
    return centred / spread.clamp(min=_FLATTEST)


def _middle(values: Float[Tensor, "b h w"]) -> Float[Tensor, " b"]:
    ascending = values.flatten(1).sort(-1).values
    count = ascending.shape[1]
    beside = int(count * MIDDLE / 2)
    return ascending[:, (count - 1) // 2 - beside : count // 2 + beside + 1].mean(-1)
