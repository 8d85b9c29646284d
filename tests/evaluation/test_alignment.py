import numpy as np
import pytest
import torch

from egodepth.evaluation.alignment import (
    least_squares_scale,
    least_squares_scale_shift,
    median,
    median_ratio,
    per_image_median,
    scale_spread,
    scaled,
)


@pytest.fixture
def truth() -> torch.Tensor:
    return 1 + 49 * torch.rand(1001, dtype=torch.float64)


def test_the_median_of_an_even_number_is_the_mean_of_the_middle_two():
    assert median(torch.tensor([4.0, 1.0, 3.0, 10.0])) == 3.5
    assert median([2.0, 1.0]) == 1.5


@pytest.mark.parametrize("align", [per_image_median, least_squares_scale, least_squares_scale_shift, scaled(31.0)])
def test_a_planted_scale_is_recovered(align, truth, assert_close):
    assert_close(align(truth / 31, truth), truth)


def test_a_planted_scale_and_shift_of_inverse_depth_are_recovered(truth, assert_close):
    prediction = 1 / (0.3 / truth + 0.02)
    assert_close(least_squares_scale_shift(prediction, truth), truth)


def test_the_least_squares_scale_is_where_the_squared_error_is_smallest(truth):
    prediction = truth * torch.rand_like(truth)
    aligned = least_squares_scale(prediction, truth)
    errors = [(aligned * factor - truth).square().mean().item() for factor in (0.999, 1.0, 1.001)]
    assert errors[1] < min(errors[0], errors[2])


def test_scale_and_shift_are_those_of_a_straight_line_fit(truth):
    prediction = truth * (0.5 + torch.rand_like(truth))
    slope, offset = np.polyfit(1 / prediction.numpy(), 1 / truth.numpy(), 1)
    np.testing.assert_allclose(
        1 / least_squares_scale_shift(prediction, truth).numpy(), slope / prediction.numpy() + offset, rtol=1e-9
    )


def test_a_constant_prediction_becomes_the_best_constant_under_scale_and_shift():
    aligned = least_squares_scale_shift(torch.full((4,), 7.0), torch.tensor([1.0, 2.0, 4.0, 4.0]))
    torch.testing.assert_close(aligned, torch.full((4,), 2.0))


def test_a_fitted_inverse_depth_below_zero_is_infinitely_far():
    aligned = least_squares_scale_shift(torch.tensor([1.0, 1.1, 1.2, 100.0]), torch.tensor([1.0, 4.0, 20.0, 80.0]))
    assert aligned[3] == torch.inf


def test_the_median_ratio_is_that_of_the_medians():
    assert median_ratio(torch.tensor([1.0, 2.0, 100.0]), torch.tensor([9.0, 10.0, 11.0])) == 5.0


def test_sigma_scale_is_relative_to_the_median_ratio():
    assert scale_spread([30.0, 30.0, 30.0]) == 0
    assert scale_spread([20.0, 30.0, 40.0]) == pytest.approx(np.std([2 / 3, 1, 4 / 3]), rel=1e-12)
