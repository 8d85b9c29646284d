"""Errors against what is known, by hand."""

import math

import pytest
import torch

from egodepth.geometry import transform_from_axis_angle
from egodepth.losses import log_depth_error, log_depth_gradient_error, pose_error, units_of_network


def test_the_error_is_the_distance_of_logarithms_where_there_is_a_hint():
    depth = torch.tensor([[[2.0, 4.0, 8.0]]])
    error = log_depth_error(depth, torch.tensor([[[0.5, 0.5, 0.0]]]))
    torch.testing.assert_close(error, torch.tensor([[[0.0, math.log(2), 0.0]]]))


def test_pixels_without_a_hint_have_no_gradient_and_others_that_of_the_logarithm():
    depth = torch.tensor([[[3.0, 5.0]]], dtype=torch.float64, requires_grad=True)
    log_depth_error(depth, torch.tensor([[[1.0, 0.0]]], dtype=torch.float64)).sum().backward()
    torch.testing.assert_close(depth.grad, torch.tensor([[[1 / 3, 0.0]]], dtype=torch.float64))


def test_several_scales_are_compared_with_one_hint():
    assert log_depth_error(torch.rand(4, 2, 3, 5) + 1, torch.ones(2, 3, 5)).shape == (4, 2, 3, 5)


def all_of(maps: torch.Tensor) -> torch.Tensor:
    return torch.ones_like(maps, dtype=torch.bool)


def test_gradient_matching_is_the_mean_over_pairs_1_2_4_and_8_apart():
    hints = torch.ones(1, 1, 4, dtype=torch.float64)
    depth = torch.tensor([[[1.0, 1.0, math.e, math.e]]], dtype=torch.float64)
    # Of three neighbours one pair differs by 1, of two pairs two apart both do; there are no others.
    found = log_depth_gradient_error(depth, hints, all_of(hints))
    assert found.item() == pytest.approx((1 / 3 + 1) / 8)
    upright = log_depth_gradient_error(depth.mT, hints.mT, all_of(hints.mT))
    assert upright.item() == pytest.approx(found.item())


def test_gradient_matching_knows_no_unit_and_only_pixels_that_count():
    hints = torch.rand(2, 12, 20, dtype=torch.float64) + 0.1
    assert log_depth_gradient_error(3 / hints, hints, all_of(hints)).item() == pytest.approx(0, abs=1e-12)
    counts = torch.rand(2, 12, 20) < 0.5
    wrong = torch.where(counts, 3 / hints, 100.0)
    assert log_depth_gradient_error(wrong, hints, counts).item() == pytest.approx(0, abs=1e-12)
    assert log_depth_gradient_error(wrong, torch.where(counts, hints, 0), all_of(hints)).item() < 1e-12
    assert log_depth_gradient_error(wrong, hints, all_of(hints)) > 0.1
    assert log_depth_gradient_error(wrong, hints, ~all_of(hints)).item() == 0


def test_the_gradient_of_gradient_matching_is_right_and_0_where_nothing_is_known():
    torch.manual_seed(0)
    hints = torch.rand(1, 3, 5, dtype=torch.float64) + 0.5
    hints[0, 1, 2] = 0
    depth = (torch.rand(1, 3, 5, dtype=torch.float64) + 0.5).requires_grad_()
    assert torch.autograd.gradcheck(lambda d: log_depth_gradient_error(d, hints, all_of(hints)), depth)
    log_depth_gradient_error(depth, hints, all_of(hints)).backward()
    assert depth.grad is not None
    assert depth.grad[0, 1, 2] == 0


def test_a_sample_of_its_own_unit_is_brought_to_the_networks():
    depth = torch.tensor([[[6.0, 6.0, 60.0]], [[6.0, 6.0, 6.0]], [[6.0, 6.0, 6.0]]])
    hints = torch.tensor([[[0.5, 0.5, 0.5]], [[0.5, 0.5, 0.5]], [[0.0, 0.0, 0.0]]])
    unit = units_of_network(depth, hints, torch.tensor([-1, 0, 2]))
    torch.testing.assert_close(unit, torch.tensor([3.0, 1.0, 1.0]))


def test_the_error_of_a_pose_is_its_angle_and_its_shift_over_the_depth():
    known = transform_from_axis_angle(torch.tensor([[0.0, 0.1, 0.0]]), torch.tensor([[0.0, 0.0, 1.0]]))
    found = transform_from_axis_angle(torch.tensor([[0.0, 0.11, 0.0]]), torch.tensor([[0.0, 0.0, 1.5]]))
    assert pose_error(known, known, torch.tensor([10.0])).item() == 0
    assert pose_error(found, known, torch.tensor([10.0])).item() == pytest.approx(0.01 + 0.05, rel=1e-3)
