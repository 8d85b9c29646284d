import math

import pytest
import torch

from egodepth.evaluation import METRICS, depth_metrics
from egodepth.evaluation.metrics import log10_error


def test_four_pixels_worked_out_by_hand():
    truth = torch.tensor([1.0, 2.0, 4.0, 8.0])
    prediction = torch.tensor([1.0, 3.0, 3.0, 16.0])
    # Errors 0, 1, -1, 8; factors 1, 1.5, 4/3, 2.
    expected = {
        "abs_rel": (0 + 1 / 2 + 1 / 4 + 1) / 4,
        "sq_rel": (0 + 1 / 2 + 1 / 4 + 64 / 8) / 4,
        "rmse": math.sqrt((0 + 1 + 1 + 64) / 4),
        "rmse_log": math.sqrt((math.log(1.5) ** 2 + math.log(4 / 3) ** 2 + math.log(2) ** 2) / 4),
        "a1": 1 / 4,
        "a2": 3 / 4,
        "a3": 3 / 4,
    }
    assert depth_metrics(prediction, truth) == pytest.approx(expected, rel=1e-12)


def test_the_names_come_in_the_published_order():
    assert tuple(depth_metrics(torch.ones(1), torch.ones(1))) == METRICS


def test_the_limit_itself_is_outside():
    metrics = depth_metrics(torch.tensor([1.25, 1.0]), torch.tensor([1.0, 1.25**2]))
    assert (metrics["a1"], metrics["a2"], metrics["a3"]) == (0.0, 0.5, 1.0)


def test_too_far_and_too_near_count_alike_for_the_shares_of_good_pixels():
    near = depth_metrics(torch.tensor([2.0]), torch.tensor([3.0]))
    far = depth_metrics(torch.tensor([3.0]), torch.tensor([2.0]))
    for name in ("rmse_log", "a1", "a2", "a3"):
        assert near[name] == pytest.approx(far[name], rel=1e-12)
    assert far["abs_rel"] > near["abs_rel"]


def test_no_pixels_are_an_error_and_not_a_nan():
    with pytest.raises(ValueError, match="at least one valid pixel"):
        depth_metrics(torch.empty(0), torch.empty(0))


def test_log10_is_the_root_of_the_mean_square_as_in_published_tables():
    found = log10_error(torch.tensor([10.0, 1.0, 100.0]), torch.tensor([1.0, 1.0, 1.0]))
    assert found == pytest.approx(((1 + 0 + 4) / 3) ** 0.5, rel=1e-12)
