import pytest
import torch
from torch.nn.functional import avg_pool2d, pad

from egodepth.losses.windows import window_mean, window_sum, window_sum_adjoint

SIZES = [(2, 2), (2, 5), (3, 3), (9, 14)]


@pytest.fixture(params=["in place", "as compiled"], autouse=True)
def _both_ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sums that torch.compile translates are others, with the same values."""
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: request.param == "as compiled")


@pytest.mark.parametrize("size", SIZES)
def test_the_window_mean_is_average_pooling_with_a_reflected_border(assert_close, size):
    image = torch.rand(2, 3, *size, dtype=torch.float64)
    assert_close(window_mean(image), avg_pool2d(pad(image, (1, 1, 1, 1), mode="reflect"), 3, stride=1))


def test_the_window_mean_leaves_a_flat_image_alone(assert_close):
    assert_close(window_mean(torch.full((1, 3, 4, 5), 0.3)), 0.3)


@pytest.mark.parametrize("size", SIZES)
def test_the_adjoint_moves_the_window_to_the_other_side_of_the_product(assert_close, size):
    x, g = torch.rand(2, 1, *size, dtype=torch.float64)
    assert_close((window_sum(x) * g).sum(), (x * window_sum_adjoint(g)).sum().item())


@pytest.mark.parametrize("size", SIZES)
def test_the_gradient_of_the_window_mean_is_right(size):
    assert torch.autograd.gradcheck(window_mean, torch.rand(1, 2, *size, dtype=torch.float64, requires_grad=True))


def test_inputs_are_left_as_they_were():
    image = torch.rand(1, 3, 4, 5)
    before = image.clone()
    window_sum(image)
    window_sum_adjoint(image)
    assert torch.equal(image, before)
