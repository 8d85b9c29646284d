import numpy as np
import pytest
import torch

from egodepth.foundation.errors import InputError
from egodepth.geometry import Camera
from egodepth.video.scale.estimates import combined, gathered
from egodepth.video.scale.lengths import PIXEL_PRIOR, distance_factor, truth_factor

CAMERA = Camera(torch.tensor([0.5, 1.0]), torch.tensor([0.5, 0.5]))


def test_a_distance_along_the_axis_and_one_from_the_camera() -> None:
    depth = torch.full((50, 100), 2.0)
    assert distance_factor(depth, (10.0, 40.0), 12.0) == pytest.approx(6)
    # At the right edge of the middle row a ray goes as far to the right as ahead.
    ray = np.hypot(1, (99.5 / 100 - 0.5) / 0.5)
    assert distance_factor(depth, (99.0, 25.0), 12.0 * ray, CAMERA) == pytest.approx(6, rel=1e-3)


def test_a_single_wrong_pixel_does_not_count() -> None:
    depth = torch.full((50, 100), 2.0)
    depth[40, 10] = 50
    assert distance_factor(depth, (10.0, 40.0), 12.0) == pytest.approx(6)


@pytest.mark.parametrize("pixel", [(-1.0, 5.0), (100.0, 5.0), (5.0, 50.0)])
def test_a_point_outside_the_image_is_refused(pixel: tuple[float, float]) -> None:
    with pytest.raises(InputError, match="outside an image of 100x50"):
        distance_factor(torch.ones(50, 100), pixel, 3.0)


@pytest.mark.parametrize("count", [1, 3, 8])
def test_few_distances_have_a_wide_spread_that_covers(count: int) -> None:
    results = []
    for seed in range(100):
        noise = np.random.default_rng(seed).normal(0, 0.15, count)
        found = [(f"image_{i}", 6 * float(np.exp(error))) for i, error in enumerate(noise)]
        try:
            results.append(combined(gathered(found), 0.01, PIXEL_PRIOR, 1))
        except InputError:
            continue  # said to be too uncertain
    assert len(results) >= (90 if count == 1 else 80)
    assert np.mean([abs(result.factor / 6 - 1) <= result.spread for result in results]) >= 0.9


def test_true_depth_gives_the_median_ratio_over_what_is_known() -> None:
    inverse_depth = torch.full((10, 20), 0.5)
    truth = np.zeros((20, 40), np.float32)
    truth[5:10] = 14.0
    truth[0] = 200.0
    assert truth_factor(inverse_depth, truth) == pytest.approx(7)
    assert truth_factor(inverse_depth, np.zeros((20, 40), np.float32)) is None
