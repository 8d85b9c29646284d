"""Scale- and shift-invariant error between disparity and a teacher's inverse depth."""

from jaxtyping import Float
from torch import Tensor

MIDDLE = 0.1
"""Share of each map's values, around the median, whose mean replaces the median."""
_FLATTEST = 1e-6
"""Lower limit of the spread in a division, because a constant map has a spread of 0."""


def scale_shift_invariant_error(
    disparity: Float[Tensor, "b h w"], teacher: Float[Tensor, "b h w"]
) -> Float[Tensor, "b h w"]:
    """Return the absolute difference of both maps at each pixel, after normalisation of each map.

    A map is normalised as in MiDaS (Ranftl et al. 2022, eq. 5 and 6): its median is subtracted, and the result is
    divided by its mean absolute value. Disparity and inverse depth differ by a factor and a shift, so either may be
    given.

    The mean of the middle tenth of the values replaces the median. Both are nearly equal, but the gradient of the mean
    is spread over many pixels, and the gradient of a median goes through one pixel. A shift or a scaling of the whole
    disparity has no gradient.

    Args:
        disparity: disparity of the network, or inverse depth.
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
