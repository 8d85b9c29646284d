import math

import numpy as np
import torch

import reference
from egodepth.losses import edge_aware_smoothness


def test_a_flat_disparity_is_smooth():
    assert edge_aware_smoothness(torch.full((2, 4, 6), 0.3), torch.rand(2, 3, 4, 6)).item() == 0


def test_smoothness_of_two_pixels_by_two_worked_out_by_hand(assert_close):
    disparity = torch.tensor([[[0.1, 0.3], [0.1, 0.3]]], dtype=torch.float64)
    plain = torch.zeros(1, 3, 2, 2).double()
    # Over its mean 0.2 the disparity steps by 1 in both rows, by 0 down the columns.
    assert_close(edge_aware_smoothness(disparity, plain), 0.2 / (0.2 + 1e-7))
    # An edge of 0.9 in one channel of three is one of 0.3 on average.
    edge = plain.clone()
    edge[:, 1, :, 1] = 0.9
    assert_close(edge_aware_smoothness(disparity, edge), math.exp(-0.3) * 0.2 / (0.2 + 1e-7))


def test_edges_forgive_steps_across_them_only(assert_close):
    disparity = torch.tensor([[[0.1, 0.1], [0.3, 0.3]]], dtype=torch.float64)
    upright = torch.zeros(1, 3, 2, 2).double()
    upright[..., 1] = 1
    assert_close(edge_aware_smoothness(disparity, upright), 0.2 / (0.2 + 1e-7))
    assert_close(edge_aware_smoothness(disparity, upright.mT), math.exp(-1) * 0.2 / (0.2 + 1e-7))


def test_shrinking_the_disparity_gains_nothing():
    disparity, image = 0.1 + torch.rand(2, 6, 8, dtype=torch.float64), torch.rand(2, 3, 6, 8, dtype=torch.float64)
    before, after = edge_aware_smoothness(disparity, image), edge_aware_smoothness(disparity / 10, image)
    assert abs(after / before - 1) < 1e-5


def test_each_map_is_divided_by_its_own_mean(assert_close):
    disparity, image = 0.1 + torch.rand(2, 6, 8, dtype=torch.float64), torch.rand(2, 3, 6, 8, dtype=torch.float64)
    alone = [reference.smoothness(d.numpy(), i.numpy()) for d, i in zip(disparity, image, strict=True)]
    assert_close(edge_aware_smoothness(disparity, image), float(np.mean(alone)))


def test_the_gradient_of_the_smoothness_is_right():
    disparity = (0.1 + torch.rand(1, 4, 5, dtype=torch.float64)).requires_grad_()
    image = torch.rand(1, 3, 4, 5, dtype=torch.float64, requires_grad=True)
    for value in (disparity, image):
        assert min(value.diff(dim=-1).abs().min(), value.diff(dim=-2).abs().min()) > 1e-4, "on a kink: other seed"
    assert torch.autograd.gradcheck(edge_aware_smoothness, (disparity, image))
