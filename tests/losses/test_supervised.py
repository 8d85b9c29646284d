"""Errors against what is known, by hand."""

import math

import pytest
import torch

from egodepth.geometry import transform_from_axis_angle
from egodepth.losses import log_depth_error, pose_error, units_of_network


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


def test_a_sample_of_its_own_unit_is_brought_to_the_networks():
    depth = torch.tensor([[[6.0, 6.0, 60.0]], [[6.0, 6.0, 6.0]], [[6.0, 6.0, 6.0]]])
    hints = torch.tensor([[[0.5, 0.5, 0.5]], [[0.5, 0.5, 0.5]], [[0.0, 0.0, 0.0]]])
    unit = units_of_network(depth, hints, torch.tensor([False, True, False]))
    torch.testing.assert_close(unit, torch.tensor([3.0, 1.0, 1.0]))


def test_the_error_of_a_pose_is_its_angle_and_its_shift_over_the_depth():
    known = transform_from_axis_angle(torch.tensor([[0.0, 0.1, 0.0]]), torch.tensor([[0.0, 0.0, 1.0]]))
    found = transform_from_axis_angle(torch.tensor([[0.0, 0.11, 0.0]]), torch.tensor([[0.0, 0.0, 1.5]]))
    assert pose_error(known, known, torch.tensor([10.0])).item() == 0
    assert pose_error(found, known, torch.tensor([10.0])).item() == pytest.approx(0.01 + 0.05, rel=1e-3)
