import pytest
import torch

from egodepth.objective import Diagnosis
from egodepth.training.watch import NORMAL, vital_signs, warnings_of

LIMITS = (0.1, 100.0)


def a_diagnosis(
    depth: float = 10.0, kept: float = 0.7, translation: float | None = 0.5, slope: float = 0.05
) -> Diagnosis:
    share = torch.arange(100).view(1, 10, 10).expand(2, -1, -1) < 100 * kept
    motion = torch.empty(0, 2) if translation is None else torch.full((2, 2), translation)
    image, maps = torch.rand(2, 3, 10, 10), depth * torch.linspace(1 - slope, 1 + slope, 10).expand(2, 10, 10).clone()
    return Diagnosis(image, image, 1 / maps, maps, share, motion)


def test_the_signs_of_a_healthy_run_are_measured_and_raise_no_warning():
    signs = vital_signs(a_diagnosis(), LIMITS)
    assert signs.pop("spread") == pytest.approx(0.032, abs=2e-3)
    healthy = {"far_share": 0, "near_share": 0, "kept": 0.7, "median_depth": 10, "pose_to_depth": 0.05}
    assert signs == pytest.approx(healthy, rel=0.01)
    assert warnings_of(signs) == []


def test_pure_stereo_has_no_pose_to_watch():
    signs = vital_signs(a_diagnosis(translation=None), LIMITS)
    assert "pose_to_depth" not in signs
    assert warnings_of(signs) == []


@pytest.mark.parametrize(
    ("ill", "signs"),
    [
        ({"depth": 99.0, "translation": 5.0}, ["far_share"]),
        ({"depth": 0.1, "translation": 0.01}, ["near_share"]),
        ({"slope": 0.0}, ["spread"]),
        ({"kept": 0.01}, ["kept"]),
        ({"translation": 50.0}, ["pose_to_depth"]),
        ({"translation": 1e-5}, ["pose_to_depth"]),
        ({"depth": float("nan")}, ["median_depth", "spread", "pose_to_depth"]),
    ],
)
def test_each_kind_of_collapse_is_one_line_that_names_the_sign(ill, signs):
    warnings = warnings_of(vital_signs(a_diagnosis(**ill), LIMITS))
    assert [warning.split()[1] for warning in warnings] == signs
    for warning, sign in zip(warnings, signs, strict=True):
        assert NORMAL[sign].meaning in warning
        assert "\n" not in warning


def test_the_far_share_counts_pixels_within_a_tenth_of_the_limit():
    diagnosis = a_diagnosis()
    diagnosis.depth[:, :3] = 19.0
    assert vital_signs(diagnosis, (0.1, 20.0))["far_share"] == pytest.approx(0.3)
