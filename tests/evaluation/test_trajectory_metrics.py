import numpy as np
import pytest
import torch

from egodepth.evaluation.trajectory_metrics import score_trajectory, segment_errors, similarity, snippet_errors
from egodepth.foundation.errors import InputError
from egodepth.geometry import transform_from_axis_angle


def path(frames: int = 400, step: float = 1.0, turn: float = 0.002) -> np.ndarray:
    """A camera that drives forward along a gentle curve, a metre a frame."""
    motion = transform_from_axis_angle(
        torch.tensor([0.0, turn, 0.0], dtype=torch.float64), torch.tensor([0.0, 0.0, step], dtype=torch.float64)
    ).numpy()
    poses = [np.eye(4)]
    for _ in range(frames - 1):
        poses.append(poses[-1] @ motion)
    return np.stack(poses)


def in_another_world(poses: np.ndarray, scale: float) -> np.ndarray:
    """The same trajectory in other axes and units."""
    moved = poses.copy()
    moved[:, :3, 3] *= scale
    turned = transform_from_axis_angle(
        torch.tensor([0.4, -1.1, 0.3], dtype=torch.float64), torch.tensor([3.0, -2.0, 7.0], dtype=torch.float64)
    ).numpy()
    return turned @ moved


@pytest.mark.parametrize("scale", [1.0, 0.05])
def test_the_true_path_in_any_axes_and_units_scores_zero(scale: float) -> None:
    scores = score_trajectory(in_another_world(path(), scale), path())
    assert scores.ate_m == pytest.approx(0, abs=1e-9)
    assert scores.snippet_mean == pytest.approx(0, abs=1e-9)
    assert scores.scale == pytest.approx(1 / scale)
    assert scores.t_rel_percent == pytest.approx(0, abs=1e-6)
    assert scores.r_rel_deg_per_100m == pytest.approx(0, abs=1e-5)
    assert (scores.frames, scores.path_m) == (400, pytest.approx(399))


def test_the_similarity_of_points_is_found_and_is_never_a_mirror() -> None:
    points = np.random.default_rng(0).normal(0, 1, (30, 3))
    turn = transform_from_axis_angle(torch.tensor([0.2, 2.0, -1.0]), torch.zeros(3)).double().numpy()[:3, :3]
    rotation, shift, scale = similarity(points, 2.5 * points @ turn.T + [1, 2, 3])
    np.testing.assert_allclose(rotation, turn, atol=1e-6)
    np.testing.assert_allclose(shift, [1, 2, 3], atol=1e-6)
    assert scale == pytest.approx(2.5)
    mirrored, _, _ = similarity(points, points * [-1, 1, 1])
    assert np.linalg.det(mirrored) == pytest.approx(1)


def test_a_steady_error_in_heading_is_drift_in_degrees_a_metre() -> None:
    straight, wrong = path(turn=0.0), path(turn=np.deg2rad(0.1))
    translation, rotation = segment_errors(wrong, straight, 1.0)
    assert np.rad2deg(rotation) == pytest.approx(0.1 * 1.0, rel=0.02)  # a segment reaches just past its length
    assert translation > 0.05


def test_a_path_of_half_the_speed_has_half_the_drift_in_position() -> None:
    translation, rotation = segment_errors(path(step=0.5, turn=0.0), path(turn=0.0), 1.0)
    assert translation == pytest.approx(0.5, rel=0.02)
    assert rotation == pytest.approx(0, abs=1e-9)


def test_paths_below_100_metres_have_no_drift() -> None:
    scores = score_trajectory(path(90), path(90))
    assert scores.t_rel_percent is None
    assert scores.r_rel_deg_per_100m is None


def test_snippets_worked_out_by_hand() -> None:
    """Three frames a metre apart; the prediction turns right by a right angle after the second."""
    truth = np.tile(np.eye(4), (3, 1, 1))
    truth[:, 2, 3] = [0, 1, 2]
    found = truth.copy()
    found[2, :3, 3] = [1, 0, 1]
    # Of the snippet from 0: scale (0 + 1 + 2) / (1 + 2) = 1, squares 0 + 0 + (1 + 1); from 1: scale 0 over 2 frames.
    np.testing.assert_allclose(snippet_errors(found, truth), [np.sqrt(2) / 3, 1 / 2])


def test_a_camera_that_never_moves_has_no_scale() -> None:
    still = np.tile(np.eye(4), (6, 1, 1))
    scores = score_trajectory(still, path(6, turn=0.0))
    assert scores.scale == 1.0
    assert scores.ate_m == pytest.approx(np.sqrt(np.mean((np.arange(6) - 2.5) ** 2)))


@pytest.mark.parametrize(("predicted", "true"), [(5, 6), (2, 2)])
def test_other_numbers_of_poses_and_fewer_than_three_are_refused(predicted: int, true: int) -> None:
    with pytest.raises(InputError, match=f"{predicted} predicted poses for {true}"):
        score_trajectory(path(predicted), path(true))
