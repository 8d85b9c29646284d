"""The learned focal length: an affine map of rays in the place of other cameras."""

import torch
from torch import Tensor

from egodepth.geometry import Camera, backproject, project, transform_from_axis_angle, transform_points
from egodepth.networks.focal import LearnedFocal

B, H, W = 2, 6, 10


def a_focal(factor: float, dtype: torch.dtype = torch.float64) -> LearnedFocal:
    focal = LearnedFocal().to(dtype)
    with torch.no_grad():
        focal.log_factor.fill_(factor).log_()
    return focal


def a_pose() -> Tensor:
    return transform_from_axis_angle(0.1 * torch.randn(B, 3).double(), torch.randn(B, 3).double())


def a_camera() -> Camera:
    return Camera(torch.rand(B, 2).double() + 0.5, 0.4 + 0.2 * torch.rand(B, 2).double())


def test_an_untrained_factor_changes_no_bit():
    pose = a_pose().float()
    assert LearnedFocal().factor == 1
    assert torch.equal(LearnedFocal()(pose), pose)


def test_points_land_where_cameras_of_the_longer_focal_length_see_them(assert_close):
    depth, pose, own, other = 5 + torch.rand(B, H, W).double(), a_pose(), a_camera(), a_camera()
    for factor in (0.6, 1.0, 1.7):
        cameras = [Camera(factor * camera.focal, camera.centre) for camera in (own, other)]
        points = transform_points(pose, backproject(depth, cameras[0]))
        mapped = transform_points(a_focal(factor)(pose), backproject(depth, own))
        assert_close(mapped[:, 2], points[:, 2])
        assert_close(project(mapped, other), project(points, cameras[1]))


def test_the_map_is_no_rotation_any_more():
    turn = a_focal(1.3)(a_pose())[:, :3, :3]
    assert (turn @ turn.transpose(1, 2) - torch.eye(3)).abs().max() > 0.01


def test_the_gradient_reaches_the_factor_and_the_pose():
    pose, focal = a_pose().requires_grad_(), a_focal(0.8)

    def mapped(log_factor: Tensor, pose: Tensor) -> Tensor:
        return torch.func.functional_call(focal, {"log_factor": log_factor}, (pose,))

    assert torch.autograd.gradcheck(mapped, (focal.log_factor, pose))
