"""The loss that takes a teacher's shape alone."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from egodepth.losses import scale_shift_invariant_error


def test_by_hand(assert_close: Callable[..., None]):
    """Of 0 1 2 5 the median is 1.5 and the mean distance from it 1.5; of 0 0 2 2 they are 1 and 1."""
    disparity = torch.tensor([[[0.0, 1.0], [2.0, 5.0]]], dtype=torch.float64)
    teacher = torch.tensor([[[0.0, 0.0], [2.0, 2.0]]], dtype=torch.float64)
    expected = [[[-1 + 1, -1 / 3 + 1], [1 / 3 - 1, 7 / 3 - 1]]]
    assert_close(scale_shift_invariant_error(disparity, teacher), torch.tensor(expected, dtype=torch.float64).abs())


def test_no_factor_and_no_shift_of_either_map_counts(assert_close: Callable[..., None]):
    disparity, teacher = torch.rand(2, 3, 20, 30, dtype=torch.float64)
    error = scale_shift_invariant_error(disparity, teacher)
    assert error.mean() > 0.1
    assert_close(scale_shift_invariant_error(0.1 + 3 * disparity, teacher), error)
    assert_close(scale_shift_invariant_error(disparity, 200 * teacher - 7), error)


def test_every_image_is_normalised_by_itself(assert_close: Callable[..., None]):
    disparity, teacher = torch.rand(2, 3, 20, 30, dtype=torch.float64)
    alone = torch.cat([scale_shift_invariant_error(disparity[i : i + 1], teacher[i : i + 1]) for i in range(3)])
    assert_close(scale_shift_invariant_error(disparity, teacher), alone)


@pytest.mark.parametrize("size", [(2, 3), (7, 9)])
def test_the_gradient_is_that_of_finite_differences(size: tuple[int, int]):
    """Values a hundredth apart: far from ties, where the order of the values changes."""
    count = size[0] * size[1]
    disparity = 0.01 * torch.randperm(count, dtype=torch.float64).view(1, *size)
    teacher = torch.rand(1, *size, dtype=torch.float64)

    def error(values: Tensor) -> Tensor:
        return scale_shift_invariant_error(values, teacher)

    assert torch.autograd.gradcheck(error, disparity.requires_grad_())


def test_no_pixel_takes_the_gradient_of_all():
    disparity, teacher = torch.rand(2, 1, 60, 80, dtype=torch.float64)
    disparity.requires_grad_()
    scale_shift_invariant_error(disparity, teacher).mean().backward()
    assert disparity.grad is not None
    size = disparity.grad.abs()
    assert size.max() < 10 * size.median()


def test_a_flat_map_has_no_gradient_and_no_error_that_is_not_finite():
    disparity = torch.full((1, 4, 5), 0.5, requires_grad=True)
    error = scale_shift_invariant_error(disparity, torch.full((1, 4, 5), 2.0))
    error.mean().backward()
    assert disparity.grad is not None
    assert (error == 0).all()
    assert (disparity.grad == 0).all()
