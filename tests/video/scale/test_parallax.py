import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from egodepth.geometry import Camera, synthesise
from egodepth.video.scale.estimates import combined, gathered
from egodepth.video.scale.parallax import Factors, best_places, image_factor, pixel_factors, weighted_median

SIZE = (64, 160)
CAMERA = Camera(torch.tensor([[0.58, 1.45]]), torch.tensor([[0.5, 0.48]]))
POSE = torch.eye(4)[None].clone()
POSE[0, 0, 3] = -0.54


def a_texture(rng: torch.Generator) -> Tensor:
    waves = [interpolate(torch.rand(1, 3, *size, generator=rng), SIZE, mode="bicubic") for size in ((8, 20), (24, 60))]
    return (0.5 * sum(waves)).clamp(0, 1)


def a_pair(seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Target, partner and true depth: a road with a wall behind, painted with the partner's colours."""
    rng = torch.Generator().manual_seed(seed)
    rows = (torch.arange(SIZE[0]) + 0.5) / SIZE[0]
    depth = (1.65 * 1.45 / (rows - 0.48).clamp(min=0.02)).clamp(max=25)[:, None].expand(SIZE)
    depth = (depth * (1 + 0.2 * torch.rand(1, generator=rng))).contiguous()[None]
    partner = a_texture(rng)
    return synthesise(partner, depth, POSE, CAMERA, CAMERA), partner, depth


def factor_of(target: Tensor, other: Tensor, depth: Tensor) -> float | None:
    return image_factor(pixel_factors(target, other, depth, (CAMERA, CAMERA), POSE), depth[0], math.inf)


@pytest.mark.parametrize("factor", [0.3, 5.4, 31.0])
def test_the_factor_of_an_exact_depth_is_found_in_any_unit(factor: float) -> None:
    target, partner, depth = a_pair(0)
    assert factor_of(target, partner, depth / factor) == pytest.approx(factor, rel=0.01)


def test_a_depth_with_errors_gives_it_within_the_spread_in_nine_of_ten() -> None:
    covered = []
    for drive in range(10):
        found = []
        for frame in range(5):
            target, partner, depth = a_pair(100 * drive + frame)
            rng = torch.Generator().manual_seed(drive * 100 + frame)
            error = interpolate(torch.randn(1, 1, 4, 10, generator=rng), SIZE, mode="bicubic")[0]
            noisy = depth / 5.4 * (0.07 * error).exp()
            grain = 0.02 * torch.randn(target.shape, generator=rng)
            picture = (target + grain).clamp(0, 1)
            found.append((str(drive), factor_of(picture, partner, noisy)))
        result = combined(gathered(found), 0.005)
        covered.append(abs(result.factor / 5.4 - 1) <= result.spread)
        assert result.factor == pytest.approx(5.4, rel=0.05)
    assert np.sum(covered) >= 9


def test_images_that_show_nothing_or_something_else_have_no_factor() -> None:
    target, partner, depth = a_pair(0)
    grey = torch.full_like(target, 0.5)
    assert factor_of(grey, grey, depth) is None
    other = torch.rand(target.shape, generator=torch.Generator().manual_seed(5))
    assert factor_of(other, partner, depth) is None


def test_the_place_of_a_minimum_is_found_between_the_steps_and_a_double_one_is_not_sure() -> None:
    x = torch.arange(30.0)[:, None, None]
    errors = torch.cat([0.001 * (x - 12.3) ** 2, 0.001 * x, (0.01 * (x - 5) ** 2).minimum(0.01 * (x - 20) ** 2)], 2)
    place, is_sure = best_places(errors)
    assert is_sure.tolist() == [[True, False, False]]
    assert place[0, 0].item() == pytest.approx(12.3, abs=1e-3)


def test_pixels_that_were_not_found_are_stood_for_by_those_as_far_away() -> None:
    """Near things have a factor of 2 and far ones of 4, and of the far ones hardly any were found."""
    depth = torch.linspace(1, 10, 100).repeat(100, 1)
    factors = torch.where(depth < 4, 2.0, 4.0)
    found = (torch.rand(100, 100, generator=torch.Generator().manual_seed(0)) < 0.3) | (depth < 4)
    assert image_factor(Factors(factors.log(), torch.ones_like(found)), depth, math.inf) == pytest.approx(4, rel=0.02)
    assert image_factor(Factors(factors.log(), found), depth, math.inf) == pytest.approx(4, rel=0.02)
    none_far = Factors(factors.log(), depth < 8)
    assert image_factor(none_far, depth, math.inf) == pytest.approx(4, rel=0.02)
    assert image_factor(Factors(factors.log(), found), depth, 7.0) == pytest.approx(2, rel=0.02)
    assert image_factor(Factors(factors.log(), torch.zeros_like(found)), depth, math.inf) is None


def test_what_moves_by_itself_hardly_counts() -> None:
    """A car as fast as the camera hides a third of the road: it does not shift, and seems to be far away."""
    depth = torch.linspace(10, 1, 90)[:, None].repeat(1, 90)
    log_factor = math.log(3.0) + 0.02 * torch.randn(90, 90, generator=torch.Generator().manual_seed(1))
    log_factor[30:, 10:40] = math.log(20.0)
    everything = torch.ones_like(depth, dtype=torch.bool)
    assert image_factor(Factors(log_factor, everything), depth, math.inf) == pytest.approx(3, rel=0.02)


def test_the_weighted_median_has_half_of_the_weight_on_either_side() -> None:
    values = torch.tensor([3.0, 1.0, 2.0, 9.0])
    assert weighted_median(values, torch.tensor([1.0, 1.0, 1.5, 1.0])) == 2
    assert weighted_median(values, torch.tensor([0.1, 0.1, 0.1, 5.0])) == 9
