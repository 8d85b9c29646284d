import json

import numpy as np
import pytest
import torch

from egodepth.data.batch import DepthSample
from egodepth.evaluation import PROTOCOLS, Report, evaluate_predictions
from egodepth.evaluation.paired import compare
from egodepth.foundation.errors import InputError

TRUTH = [torch.rand(4, 8, generator=torch.Generator().manual_seed(i)) * 20 + 2 for i in range(12)]


def scored(error: float, names: int = 12) -> Report:
    """Predictions that are off by a factor that differs from pixel to pixel, and a little from image to image."""
    samples = [DepthSample(str(i), torch.zeros(3, 4, 8), depth, {}) for i, depth in enumerate(TRUTH[:names])]
    generator = np.random.default_rng(0)

    def predict(sample: DepthSample) -> torch.Tensor:
        noise = torch.from_numpy(generator.normal(0, 1, (4, 8))).float()
        return 1 / (sample.depth * (error * noise).exp())

    return evaluate_predictions(predict, samples, PROTOCOLS["synthetic"])


def test_a_better_model_is_called_better_in_errors_and_shares_alike() -> None:
    comparison = compare(scored(0.2), scored(0.1))
    better = {(line.alignment, line.metric): line.better for line in comparison.lines}
    assert better["median", "abs_rel"] == better["none", "rmse"] == better["median", "a1"] == "second"
    assert compare(scored(0.1), scored(0.2)).lines[0].better == "first"
    line = comparison.lines[0]
    assert line.images_better == comparison.images == 12
    assert line.interval.low < line.second - line.first < line.interval.high < 0


def test_a_model_against_itself_shows_no_difference() -> None:
    comparison = compare(scored(0.1), scored(0.1))
    assert {line.better for line in comparison.lines} == {"neither"}
    assert json.loads(comparison.to_json())["lines"][0]["interval"] == [0.0, 0.0]


def test_other_images_are_not_compared() -> None:
    with pytest.raises(InputError, match="same images"):
        compare(scored(0.1), scored(0.1, names=11))
