import numpy as np
import pytest
import torch

import reference
from egodepth.geometry import Camera, backproject, focal_of_fov, image_grid, project


def a_camera(batch: int = 2) -> Camera:
    focal = 0.6 + torch.rand(batch, 2, dtype=torch.float64)
    return Camera(focal, 0.4 + 0.2 * torch.rand(batch, 2, dtype=torch.float64))


def test_pixel_centres_lie_half_a_pixel_inside_the_edges():
    grid = image_grid((2, 4), torch.zeros(()))
    assert grid[0].tolist() == [[0.125, 0.375, 0.625, 0.875]] * 2
    assert grid[1].tolist() == [[0.25] * 4, [0.75] * 4]


def test_the_opencv_centre_of_an_image_is_its_middle():
    matrix = torch.tensor([[100.0, 0.0, 49.5], [0.0, 120.0, 19.5], [0.0, 0.0, 1.0]])
    camera = Camera.from_pixels(matrix, (40, 100))
    assert camera.focal.tolist() == [1.0, 3.0]
    assert camera.centre.tolist() == [0.5, 0.5]


def test_the_edges_of_an_image_are_seen_under_half_the_field_of_view(assert_close):
    camera = Camera.from_fov(90.0, (50, 100))
    assert camera.centre.tolist() == [0.5, 0.5]
    assert_close(camera.focal, torch.tensor([0.5, 1.0]))  # square pixels
    assert focal_of_fov(60.0, 640) == pytest.approx(320 * 3**0.5)


def test_a_camera_survives_the_way_to_pixels_and_back(assert_close):
    camera = a_camera(3)
    there = Camera.from_pixels(camera.to_pixels((37, 121)), (37, 121))
    assert_close(there.focal, camera.focal)
    assert_close(there.centre, camera.centre)
    matrix = torch.tensor([[721.5377, 0, 609.5593], [0, 721.5377, 172.854], [0, 0, 1]], dtype=torch.float64)
    assert_close(Camera.from_pixels(matrix, (375, 1242)).to_pixels((375, 1242)), matrix)


@pytest.mark.parametrize("factor", [0.25, 0.5, 2.0, 1.6])
def test_a_camera_does_not_change_when_its_image_is_resized(assert_close, factor):
    focal, cx, cy = 721.5, 609.6, 172.9
    original = torch.tensor([[focal, 0, cx], [0, focal, cy], [0, 0, 1]], dtype=torch.float64)
    # A resize keeps the edges: pixel p of the old image lies at (p + 0.5) * factor - 0.5 of the new one.
    cx, cy = (cx + 0.5) * factor - 0.5, (cy + 0.5) * factor - 0.5
    resized = torch.tensor([[focal * factor, 0, cx], [0, focal * factor, cy], [0, 0, 1]], dtype=torch.float64)
    before = Camera.from_pixels(original, (400, 1240))
    after = Camera.from_pixels(resized, (int(400 * factor), int(1240 * factor)))
    assert_close(after.focal, before.focal)
    assert_close(after.centre, before.centre)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_projecting_what_was_backprojected_gives_the_pixel_grid(assert_close, dtype):
    camera = Camera(*(value.to(dtype) for value in a_camera()))
    depth = 0.5 + 50 * torch.rand(2, 7, 13, dtype=dtype)
    uv = project(backproject(depth, camera), camera)
    assert_close(uv, image_grid((7, 13), depth))


def test_points_are_those_of_the_camera_matrix(assert_close):
    camera = a_camera(1)
    depth = 1 + torch.rand(1, 5, 9, dtype=torch.float64)
    matrix = reference.camera_matrix(camera.focal[0].numpy(), camera.centre[0].numpy())
    rays = np.concatenate([reference.pixel_centres(5, 9), np.ones((1, 5, 9))])
    points = np.einsum("ij,jhw->ihw", np.linalg.inv(matrix), rays) * depth.numpy()
    assert_close(backproject(depth, camera)[0], points)


def test_depth_is_z_and_the_centre_pixel_looks_along_the_axis(assert_close):
    camera = Camera(torch.tensor([[1.0, 2.0]]), torch.tensor([[0.5, 0.5]]))
    points = backproject(torch.full((1, 3, 5), 7.0), camera)
    assert_close(points[0, :, 1, 2], torch.tensor([0.0, 0.0, 7.0]))
    assert_close(points[0, :, 0, 4], torch.tensor([7 * 0.4, -7 * (1 / 3) / 2, 7.0]))


def test_a_point_behind_the_camera_stays_finite_and_on_its_own_side():
    camera = Camera(torch.tensor([[1.0, 1.0]]), torch.tensor([[0.5, 0.5]]))
    points = torch.tensor([1.0, -1.0, -3.0]).reshape(1, 3, 1, 1).requires_grad_()
    uv = project(points, camera)
    assert uv[0, 0].item() > 1
    assert uv[0, 1].item() < 0
    uv.sum().backward()
    assert points.grad is not None
    assert points.grad.isfinite().all()
    assert project(torch.zeros(1, 3, 1, 1), camera).isfinite().all()


def test_the_mirrored_camera_sees_the_mirrored_point_at_the_mirrored_place(assert_close):
    camera, points = a_camera(), torch.rand(2, 3, 4, 4, dtype=torch.float64) + 0.5
    uv = project(points, camera)
    mirrored_points = points * points.new_tensor([-1, 1, 1])[:, None, None]
    mirrored = project(mirrored_points, camera.mirrored())
    assert_close(mirrored[:, 0], 1 - uv[:, 0])
    assert_close(mirrored[:, 1], uv[:, 1])


def test_mirroring_a_camera_twice_gives_it_back(assert_close):
    camera = a_camera()
    assert_close(camera.mirrored().mirrored().centre, camera.centre)
