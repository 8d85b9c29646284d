import numpy as np
import pytest
import torch
from torch.nn.functional import avg_pool2d, pad

import reference
from egodepth.losses import photometric_error, ssim
from egodepth.losses.photometric import window_mean, window_statistics

C1, C2 = 0.01**2, 0.03**2


def images(*shape: int) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.rand(*shape, dtype=torch.float64), torch.rand(*shape, dtype=torch.float64)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_an_image_is_wholly_similar_to_itself(assert_close, dtype):
    image = torch.rand(2, 3, 8, 11, dtype=dtype)
    assert_close(ssim(image, image), 1.0)
    assert photometric_error(image, image).abs().max() < 1e-6


def test_two_flat_images_differ_in_luminance_alone(assert_close):
    a, b = torch.full((1, 3, 4, 4), 0.2, dtype=torch.float64), torch.full((1, 3, 4, 4), 0.6, dtype=torch.float64)
    similarity = (2 * 0.2 * 0.6 + C1) / (0.2**2 + 0.6**2 + C1)
    assert_close(ssim(a, b), similarity)
    assert_close(photometric_error(a, b), 0.85 * (1 - similarity) / 2 + 0.15 * 0.4)


def test_ssim_of_two_pixels_by_two_worked_out_by_hand(assert_close):
    dot = torch.tensor([[[[0.0, 0.0], [0.0, 1.0]]]]).double()
    # Reflected, the dot is seen from the four corners as 4, 2, 2 and 1 of the 9 pixels of the window.
    shares = torch.tensor([[4.0, 2.0], [2.0, 1.0]]).double() / 9
    expected = C1 * C2 / ((shares**2 + C1) * (shares - shares**2 + C2))
    assert_close(ssim(dot, torch.zeros_like(dot))[0, 0], expected)


def test_opposite_textures_reach_the_largest_dissimilarity_but_never_more():
    board = torch.tensor([[0.0, 1.0], [1.0, 0.0]]).tile(4, 4)[None, None].double()
    error = photometric_error(board, 1 - board, ssim_weight=1.0)
    assert error.min() > 0.9
    assert error.max() <= 1


def test_ssim_is_the_reference_one_and_symmetric(assert_close):
    x, y = images(2, 3, 9, 14)
    assert_close(ssim(x, y), reference.ssim(x.numpy(), y.numpy()))
    assert_close(ssim(x, y), ssim(y, x))


@pytest.mark.parametrize("ssim_weight", [0.0, 0.85, 1.0])
def test_images_of_several_scales_are_each_compared_with_the_same_target(assert_close, ssim_weight):
    x, y = images(4, 2, 3, 9, 14)
    found = photometric_error(x, y[0], ssim_weight)
    for scale, error in zip(x, found, strict=True):
        assert_close(error, photometric_error(scale, y[0], ssim_weight))


def test_single_precision_is_as_good():
    x, y = images(2, 3, 16, 24)
    torch.testing.assert_close(
        photometric_error(x.float(), y.float()).double(), photometric_error(x, y), atol=1e-5, rtol=1e-4
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_an_image_compared_with_itself_has_exactly_no_error(dtype):
    image = torch.rand(2, 3, 16, 24, dtype=dtype)
    assert photometric_error(image, image).abs().max() == 0


SIZES = [(2, 2), (2, 5), (3, 3), (9, 14)]


@pytest.mark.parametrize("size", SIZES)
def test_the_window_mean_is_average_pooling_with_a_reflected_border(assert_close, size):
    image = torch.rand(2, 3, *size, dtype=torch.float64)
    assert_close(window_mean(image), avg_pool2d(pad(image, (1, 1, 1, 1), mode="reflect"), 3, stride=1))


def test_the_window_mean_leaves_a_flat_image_alone(assert_close):
    assert_close(window_mean(torch.full((1, 3, 4, 5), 0.3)), 0.3)


@pytest.mark.parametrize("size", SIZES)
def test_the_gradient_of_the_window_mean_is_right(size):
    assert torch.autograd.gradcheck(window_mean, torch.rand(1, 2, *size, dtype=torch.float64, requires_grad=True))


def test_window_statistics_are_mean_and_biased_variance(assert_close):
    image = torch.rand(1, 1, 3, 3, dtype=torch.float64)
    mean, variance = window_statistics(image)
    assert_close(mean[0, 0, 1, 1], np.mean(image.numpy()))
    assert_close(variance[0, 0, 1, 1], np.var(image.numpy()))


@pytest.mark.parametrize("ssim_weight", [0.0, 0.85, 1.0])
def test_the_photometric_error_is_the_reference_one(assert_close, ssim_weight):
    x, y = images(2, 3, 9, 14)
    assert_close(photometric_error(x, y, ssim_weight), reference.photometric_error(x.numpy(), y.numpy(), ssim_weight))


def test_without_ssim_the_error_is_the_mean_absolute_difference(assert_close):
    a = torch.tensor([0.1, 0.5, 0.9]).reshape(1, 3, 1, 1).expand(1, 3, 2, 2)
    b = torch.tensor([0.2, 0.2, 0.2]).reshape(1, 3, 1, 1).expand(1, 3, 2, 2)
    assert_close(photometric_error(a, b, ssim_weight=0.0), (0.1 + 0.3 + 0.7) / 3)


@pytest.mark.parametrize("ssim_weight", [0.0, 0.85])
def test_the_gradient_of_the_photometric_error_is_right(ssim_weight):
    x, y = images(1, 3, 4, 5)
    assert (x - y).abs().min() > 1e-4, "a pixel lies on the kink of the absolute value: choose another seed"
    inputs = (x.requires_grad_(), y.requires_grad_())
    assert torch.autograd.gradcheck(lambda a, b: photometric_error(a, b, ssim_weight), inputs)
