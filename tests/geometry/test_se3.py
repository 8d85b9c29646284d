import math

import pytest
import torch
from torch import Tensor

import reference
from egodepth.geometry import (
    mirrored_transform,
    rotation_from_axis_angle,
    transform_from_axis_angle,
    transform_from_twist,
    transform_points,
    twist_of,
)

ANGLES = [0.0, 1e-12, 1e-6, 9.9e-3, 1.01e-2, 0.3, 1.5, 3.0]
"""On both sides of where the series takes over from the closed form, and at zero itself."""


def axis_angle_of(angle: float) -> Tensor:
    axis = torch.tensor([[0.36, 0.48, 0.8]], dtype=torch.float64)
    return angle * axis


def cross_matrix(vector: Tensor) -> Tensor:
    x, y, z = vector.tolist()
    return torch.tensor([[0, -z, y], [z, 0, -x], [-y, x, 0]], dtype=vector.dtype)


def test_a_quarter_turn_about_z_takes_x_to_y(assert_close):
    rotation = rotation_from_axis_angle(torch.tensor([0.0, 0.0, math.pi / 2]))
    assert_close(rotation @ torch.tensor([1.0, 0.0, 0.0]), torch.tensor([0.0, 1.0, 0.0]))


@pytest.mark.parametrize("angle", ANGLES)
def test_the_rotation_is_the_matrix_exponential(assert_close, angle):
    axis_angle = axis_angle_of(angle)
    exponential = torch.linalg.matrix_exp(cross_matrix(axis_angle[0]))
    assert_close(rotation_from_axis_angle(axis_angle)[0], exponential)
    assert_close(rotation_from_axis_angle(axis_angle.float())[0], exponential.float())


@pytest.mark.parametrize("invert", [False, True])
@pytest.mark.parametrize("angle", ANGLES)
def test_the_transform_is_the_reference_one(assert_close, angle, invert):
    axis_angle, translation = axis_angle_of(angle), torch.randn(1, 3, dtype=torch.float64)
    expected = reference.transform(axis_angle[0].numpy(), translation[0].numpy(), invert)
    assert_close(transform_from_axis_angle(axis_angle, translation, invert)[0], expected)


def test_rotation_comes_first_and_translation_after(assert_close):
    quarter = torch.tensor([[0.0, 0.0, math.pi / 2]])
    b_from_a = transform_from_axis_angle(quarter, torch.tensor([[10.0, 0.0, 0.0]]))
    point = torch.tensor([1.0, 0.0, 0.0]).reshape(1, 3, 1, 1)
    assert_close(transform_points(b_from_a, point).flatten(), torch.tensor([10.0, 1.0, 0.0]))


def test_a_transform_after_its_inverse_is_the_identity(assert_close):
    axis_angle, translation = torch.randn(5, 3, dtype=torch.float64), torch.randn(5, 3, dtype=torch.float64)
    there = transform_from_axis_angle(axis_angle, translation)
    back = transform_from_axis_angle(axis_angle, translation, invert=True)
    assert_close(there @ back, torch.eye(4))


def test_rotations_keep_lengths_and_hands(assert_close):
    rotation = rotation_from_axis_angle(torch.randn(20, 3, dtype=torch.float64))
    assert_close(rotation @ rotation.mT, torch.eye(3))
    assert_close(torch.linalg.det(rotation), 1.0)


@pytest.mark.parametrize("invert", [False, True])
@pytest.mark.parametrize("angle", [0.0, 1e-9, 1e-3, 0.02, 1.0, 3.0])
def test_the_gradient_of_the_transform_is_right_at_any_angle(angle, invert):
    axis_angle = axis_angle_of(angle).requires_grad_()
    translation = torch.randn(1, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda r, t: transform_from_axis_angle(r, t, invert), (axis_angle, translation))


def test_a_float32_rotation_by_nothing_has_a_finite_gradient():
    axis_angle = torch.zeros(2, 3, requires_grad=True)
    rotation_from_axis_angle(axis_angle)[:, 0, 1].sum().backward()
    assert axis_angle.grad is not None
    assert axis_angle.grad.tolist() == [[0.0, 0.0, -1.0]] * 2


def test_the_mirrored_transform_moves_mirrored_points_to_mirrored_places(assert_close):
    b_from_a = transform_from_axis_angle(torch.randn(2, 3).double(), torch.randn(2, 3).double())
    points, mirror = torch.randn(2, 3, 4, 5).double(), torch.tensor([-1.0, 1.0, 1.0]).double()[:, None, None]
    expected = mirror * transform_points(b_from_a, points)
    assert_close(transform_points(mirrored_transform(b_from_a), mirror * points), expected)


@pytest.mark.parametrize("angle", ANGLES)
def test_the_twist_of_a_transform_gives_the_transform_back(assert_close, angle):
    transform = transform_from_axis_angle(axis_angle_of(angle), torch.tensor([[0.3, -1.0, 5.0]], dtype=torch.float64))
    assert_close(transform_from_twist(twist_of(transform)), transform)


def test_a_third_of_a_twist_done_three_times_is_the_whole_motion(assert_close):
    transform = transform_from_axis_angle(axis_angle_of(0.4), torch.tensor([[0.3, -1.0, 5.0]], dtype=torch.float64))
    third = transform_from_twist(twist_of(transform) / 3)
    assert_close(third @ third @ third, transform)


def test_the_twist_of_a_shift_alone_is_the_shift(assert_close):
    shift = torch.tensor([[1.0, -2.0, 3.0]], dtype=torch.float64)
    twist = twist_of(transform_from_axis_angle(torch.zeros_like(shift), shift))
    assert_close(twist, torch.tensor([[0.0, 0.0, 0.0, 1.0, -2.0, 3.0]], dtype=torch.float64))
