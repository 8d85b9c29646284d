import numpy as np
import pytest
import torch
from torch import Tensor

import reference
from egodepth.geometry import Camera, mirrored_transform, sample, synthesise, transform_from_axis_angle


def a_camera(batch: int = 1, dtype: torch.dtype = torch.float64) -> Camera:
    focal = torch.tensor([0.58, 1.92], dtype=dtype) * (1 + 0.1 * torch.rand(batch, 2, dtype=dtype))
    return Camera(focal, 0.45 + 0.1 * torch.rand(batch, 2, dtype=dtype))


def a_motion(batch: int = 1, size: float = 0.05) -> Tensor:
    return transform_from_axis_angle(*(size * torch.randn(2, batch, 3, dtype=torch.float64)))


def smooth_image(height: int, width: int) -> Tensor:
    y, x = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    waves = [torch.sin(3 * x + 2 * y), torch.cos(4 * x * y), torch.sin(5 * y - x)]
    return 0.5 + 0.5 * torch.stack(waves)[None]


def identity(batch: int, dtype: torch.dtype) -> Tensor:
    return torch.eye(4, dtype=dtype).repeat(batch, 1, 1)


@pytest.mark.parametrize("size", [(7, 9), (33, 65), (37, 121), (64, 224)])
def test_the_identity_warp_returns_its_source(size):
    image = smooth_image(*size)
    camera, depth = a_camera(dtype=torch.float32), 0.1 + 80 * torch.rand(1, *size)
    warped = synthesise(image, depth, identity(1, torch.float32), camera, camera)
    assert (warped - image).abs().max() < 1e-6


@pytest.mark.parametrize("size", [(7, 9), (37, 121), (192, 640)])
def test_the_identity_warp_returns_even_noise_in_double_precision(size):
    image = torch.rand(2, 3, *size, dtype=torch.float64)
    camera, depth = a_camera(2), 0.1 + 80 * torch.rand(2, *size, dtype=torch.float64)
    warped = synthesise(image, depth, identity(2, torch.float64), camera, camera)
    assert (warped - image).abs().max() < 1e-11


def test_a_fronto_parallel_plane_shifts_by_focal_times_baseline_over_depth(assert_close):
    height, width, depth, baseline, shift = 5, 40, 8.0, 0.5, 3
    focal = torch.tensor([[shift * depth / baseline / width, 1.0]], dtype=torch.float64)
    camera = Camera(focal, torch.full((1, 2), 0.5, dtype=torch.float64))
    # The source stands `baseline` to the right, so every point of the target lies further left in it.
    source_from_target = transform_from_axis_angle(
        torch.zeros(1, 3).double(), torch.tensor([[-baseline, 0, 0]]).double()
    )
    source = torch.rand(1, 3, height, width, dtype=torch.float64)
    plane = torch.full((1, height, width), depth, dtype=torch.float64)
    warped = synthesise(source, plane, source_from_target, camera, camera)
    assert_close(warped[..., shift:], source[..., :-shift])
    assert_close(warped[..., :shift], source[..., :1].expand(-1, -1, -1, shift))


def test_moving_towards_a_plane_enlarges_it_about_the_centre(assert_close):
    camera = Camera(torch.ones(1, 2).double(), torch.full((1, 2), 0.5).double())
    ramp = ((torch.arange(8).double() + 0.5) / 8).expand(1, 3, 8, 8)
    forward = transform_from_axis_angle(torch.zeros(1, 3).double(), torch.tensor([[0.0, 0.0, -2.0]]).double())
    warped = synthesise(ramp, torch.full((1, 8, 8), 4.0).double(), forward, camera, camera)
    # The point at u of the target is seen at 0.5 + (u - 0.5) * 4 / 2 from half the distance, up to the border pixel.
    assert_close(warped, (0.5 + 2 * (ramp - 0.5)).clamp(1 / 16, 15 / 16))


def test_a_mirrored_scene_camera_and_motion_give_the_mirrored_view(assert_close):
    source, depth = torch.rand(2, 3, 9, 15, dtype=torch.float64), 1 + torch.rand(2, 9, 15, dtype=torch.float64)
    target_camera, source_camera, pose = a_camera(2), a_camera(2), a_motion(2)
    plain = synthesise(source, depth, pose, target_camera, source_camera)
    mirrored = synthesise(
        source.flip(-1), depth.flip(-1), mirrored_transform(pose), target_camera.mirrored(), source_camera.mirrored()
    )
    assert_close(mirrored, plain.flip(-1))


def test_scaling_depth_and_translation_together_changes_nothing(assert_close):
    source, depth = torch.rand(1, 3, 9, 15, dtype=torch.float64), 1 + torch.rand(1, 9, 15, dtype=torch.float64)
    camera, pose = a_camera(), a_motion()
    larger = pose.clone()
    larger[:, :3, 3] *= 7
    assert_close(synthesise(source, 7 * depth, larger, camera, camera), synthesise(source, depth, pose, camera, camera))


def test_synthesis_is_the_reference_one_with_two_cameras_and_two_sizes(assert_close):
    source, depth = torch.rand(2, 3, 11, 17, dtype=torch.float64), 1 + torch.rand(2, 9, 15, dtype=torch.float64)
    target, other, pose = a_camera(2), a_camera(2), a_motion(2, size=0.1)
    warped = synthesise(source, depth, pose, target, other)
    for i in range(2):
        seen = reference.Source(source[i].numpy(), matrix_of(other, i), pose[i].numpy())
        uv = reference.warp_coordinates(depth[i].numpy(), matrix_of(target, i), seen)
        assert_close(warped[i], reference.sample(source[i].numpy(), uv))


def matrix_of(camera: Camera, i: int) -> np.ndarray:
    return reference.camera_matrix(camera.focal[i].numpy(), camera.centre[i].numpy())


def test_samples_between_pixels_are_bilinear_and_outside_the_border_goes_on(assert_close):
    image = torch.tensor([[[[0.0, 1.0], [2.0, 3.0]]]])
    u = torch.tensor([[0.25, 0.5, 0.75, 0.375, -9.0, 9.0, 0.5]])
    v = torch.tensor([[0.25, 0.25, 0.75, 0.5, 0.25, 0.75, 99.0]])
    values = sample(image, torch.stack([u, v])[None])
    assert_close(values.flatten(), torch.tensor([0.0, 0.5, 3.0, 1.25, 0.0, 3.0, 2.5]))


def test_samples_of_several_grids_are_those_of_one_grid_after_the_other(assert_close):
    image, uv = torch.rand(2, 3, 9, 12), torch.rand(3, 2, 2, 5, 7)
    together = sample(image, uv.flatten(0, 1))
    assert_close(together, torch.cat([sample(image, grid) for grid in uv]))


def test_a_scene_behind_the_camera_gives_finite_colours_and_gradients():
    source, depth = torch.rand(1, 3, 6, 8), torch.full((1, 6, 8), 2.0, requires_grad=True)
    pose, camera = identity(1, torch.float32), a_camera(dtype=torch.float32)
    pose[:, 2, 3] = -5
    warped = synthesise(source, depth, pose, camera, camera)
    warped.sum().backward()
    assert warped.isfinite().all()
    assert depth.grad is not None
    assert depth.grad.isfinite().all()


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_a_coordinate_that_is_no_number_gives_a_colour_that_is_none_and_is_not_looked_up(value):
    image, uv = torch.rand(1, 3, 6, 8), torch.rand(2, 2, 4, 5)
    expected = sample(image, uv)
    uv[1, 0, 2, 3] = value
    uv.requires_grad_()
    colours = sample(image, uv)
    wrong = ~colours.isfinite()
    assert wrong[1, :, 2, 3].all()
    assert wrong.sum() == 3
    assert torch.equal(colours[~wrong], expected[~wrong])
    colours.sum().backward()  # grid_sample's own gradient ends the process


def test_the_gradient_of_synthesis_is_right_away_from_kinks():
    source = torch.rand(1, 2, 8, 10, dtype=torch.float64, requires_grad=True)
    depth = (2 + torch.rand(1, 4, 5, dtype=torch.float64)).requires_grad_()
    axis_angle, translation = (0.05 * torch.randn(2, 1, 3, dtype=torch.float64)).unbind()
    camera = a_camera()
    pose = transform_from_axis_angle(axis_angle, translation)
    seen = reference.Source(source[0].detach().numpy(), matrix_of(camera, 0), pose[0].numpy())
    uv = reference.warp_coordinates(depth[0].detach().numpy(), matrix_of(camera, 0), seen)
    pixels = uv * np.array([10, 8])[:, None, None] - 0.5
    assert np.abs(pixels - np.round(pixels)).min() > 1e-3, "a sample lies on a kink: choose another seed"
    inputs = (source, depth, axis_angle.requires_grad_(), translation.requires_grad_(), *camera)
    for value in inputs:
        value.requires_grad_()

    def warp(source, depth, axis_angle, translation, focal, centre):
        camera = Camera(focal, centre)
        return synthesise(source, depth, transform_from_axis_angle(axis_angle, translation), camera, camera)

    assert torch.autograd.gradcheck(warp, inputs)
