import pytest
import torch

from egodepth.networks import DepthNet, disparity_to_depth
from egodepth.networks.depth import median_depth


def test_the_network_of_the_paper_has_14_33_million_parameters():
    assert sum(p.numel() for p in DepthNet().parameters()) == pytest.approx(14.33e6, abs=5e3)


def test_disparities_between_0_and_1_come_at_four_scales():
    disparities = DepthNet("test_resnet").eval()(torch.rand(2, 3, 64, 96))
    assert [tuple(d.shape) for d in disparities] == [(2, 64 >> s, 96 >> s) for s in range(4)]
    assert all(((d > 0) & (d < 1)).all() for d in disparities)


def test_images_of_one_batch_do_not_see_each_other_when_predicting():
    net, images = DepthNet("test_resnet").eval(), torch.rand(3, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(net(images)[0][1:2], net(images[1:2])[0])


def test_depth_runs_between_its_limits_and_falls_with_disparity(assert_close):
    disparity = torch.linspace(0, 1, 11, dtype=torch.float64)
    depth = disparity_to_depth(disparity)
    assert_close(depth[[0, -1]], torch.tensor([100.0, 0.1], dtype=torch.float64))
    assert (depth.diff() < 0).all()
    assert_close(1 / depth, 0.01 + 9.99 * disparity)


def test_the_limits_can_be_chosen(assert_close):
    assert_close(disparity_to_depth(torch.tensor([0.0, 1.0]), 2.0, 50.0), torch.tensor([50.0, 2.0]))


def test_the_median_depth_has_a_gradient_of_the_same_share_for_each_pixel() -> None:
    logs = torch.randn(2, 5, 8).requires_grad_()
    median = median_depth(logs.exp())
    assert torch.equal(median[:, 0, 0], logs.exp().flatten(1).median(1).values)
    (gradient,) = torch.autograd.grad(median.log().sum(), logs)
    torch.testing.assert_close(gradient, torch.full_like(logs, 1 / 40))
