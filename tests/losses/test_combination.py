import torch

from egodepth.losses import automask, average_reprojection, minimum_reprojection

ERRORS = torch.tensor([[0.1, 0.9, 0.4], [0.3, 0.2, 0.4]])
"""Two sources, three pixels."""


def test_the_minimum_takes_each_pixel_from_its_best_source():
    assert minimum_reprojection(ERRORS).tolist() == torch.tensor([0.1, 0.2, 0.4]).tolist()


def test_only_the_best_source_of_a_pixel_gets_a_gradient():
    errors = ERRORS[:, :2].clone().requires_grad_()
    minimum_reprojection(errors).sum().backward()
    assert errors.grad is not None
    assert errors.grad.tolist() == [[1.0, 0.0], [0.0, 1.0]]


def test_the_average_takes_both(assert_close):
    assert_close(average_reprojection(ERRORS), torch.tensor([0.2, 0.55, 0.4]))


def test_the_automask_keeps_what_warping_explains_strictly_better():
    warped = torch.tensor([0.1, 0.3, 0.2], requires_grad=True)
    loss, kept = automask(warped, torch.tensor([0.2, 0.2, 0.2]))
    assert kept.tolist() == [True, False, False]
    assert loss.tolist() == torch.tensor([0.1, 0.2, 0.2]).tolist()


def test_a_dropped_pixel_has_no_gradient():
    warped = torch.tensor([0.1, 0.3], requires_grad=True)
    automask(warped, torch.tensor([0.2, 0.2]))[0].sum().backward()
    assert warped.grad is not None
    assert warped.grad.tolist() == [1.0, 0.0]


def test_a_tied_pixel_has_no_gradient():
    warped = torch.tensor([0.2], requires_grad=True)
    automask(warped, torch.tensor([0.2]))[0].sum().backward()
    assert warped.grad is not None
    assert warped.grad.tolist() == [0.0]
