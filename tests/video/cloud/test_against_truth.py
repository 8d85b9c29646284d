import sys

import numpy as np
import pytest

from egodepth.foundation.errors import InputError
from egodepth.video.cloud.against_truth import compare_clouds


def test_four_points_by_hand():
    found = np.array([[0, 0, 0.1], [1, 0, 0], [2, 0, 1.0]])
    true = np.array([[0, 0, 0], [1, 0, 0], [2, 0, 0], [9.0, 0, 0]])
    scores = compare_clouds(found, true, 0.2)
    assert scores.accuracy_mean == pytest.approx((0.1 + 0 + 1) / 3)
    assert scores.accuracy_median == pytest.approx(0.1)
    assert scores.precision == pytest.approx(2 / 3)
    assert scores.completeness == pytest.approx(2 / 4)
    assert scores.completeness_mean == pytest.approx((0.1 + 0 + 1 + np.sqrt(49 + 1)) / 4)
    assert scores.f_score == pytest.approx(2 * (2 / 3) * 0.5 / (2 / 3 + 0.5))


def test_nothing_in_common_is_a_score_of_zero():
    assert compare_clouds(np.zeros((2, 3)), np.ones((2, 3)), 0.1).f_score == 0


def test_an_empty_cloud_is_refused():
    with pytest.raises(InputError, match="without points"):
        compare_clouds(np.zeros((0, 3)), np.ones((2, 3)), 0.1)


def test_without_scipy_the_extra_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "scipy.spatial", None)
    with pytest.raises(InputError, match=r"egodepth\[compare\]"):
        compare_clouds(np.zeros((1, 3)), np.ones((2, 3)), 0.1)
