"""What hints and known poses add to the objective, and that nothing is added without them."""

import dataclasses

import pytest
import torch
from torch import Tensor

from egodepth.config import DataConfig, HintConfig, LossConfig, ModelConfig, TrainConfig
from egodepth.data.batch import Batch, Hints, RigView, View
from egodepth.foundation.errors import InputError
from egodepth.geometry import Camera
from egodepth.hints.supervision import one_of_each_distance
from egodepth.losses.registry import Emphasis
from egodepth.objective import SelfSupervisedObjective, build_objective

B, H, W = 2, 64, 64
MODEL = ModelConfig(encoder="test_resnet", pose="posecnn", min_depth=1.0, max_depth=100.0)


def an_objective(poses: str = "sfm", **hints: object) -> SelfSupervisedObjective:
    config = TrainConfig(
        data=DataConfig(size=(H, W), poses=poses), model=MODEL, hints=HintConfig(**{"sources": ("sweep",), **hints})
    )
    return build_objective(config).eval()


def a_batch(hint_depth: Tensor | None = None, unit: int = 0) -> Batch:
    def view() -> View:
        return View(torch.rand(B, 3, H, W), Camera(torch.full((B, 2), 0.7), torch.full((B, 2), 0.5)))

    ahead = torch.eye(4).repeat(B, 1, 1)
    ahead[:, 2, 3] = -1.0
    inverse = torch.zeros(B, H, W) if hint_depth is None else 1 / hint_depth
    hints = Hints(inverse, (inverse > 0).float(), torch.full((B,), unit), torch.zeros(B, 0, W), torch.zeros(B, 0, W))
    return Batch(view(), [], [RigView(view(), ahead.inverse()), RigView(view(), ahead)], None, hints)


def disparities(value: float = 0.1) -> list[Tensor]:
    return [torch.full((B, H >> s, W >> s), value).requires_grad_() for s in range(4)]


def depth_of(objective: SelfSupervisedObjective, given: list[Tensor]) -> Tensor:
    return objective._depth(given[0]).detach()


def test_a_network_that_says_what_the_hints_say_has_no_error():
    objective, given = an_objective(rule="always"), disparities()
    losses = objective.losses_from(given, [torch.eye(4).repeat(B, 1, 1)], a_batch(depth_of(objective, given)))
    assert losses["hint"].item() == pytest.approx(0, abs=1e-6)
    assert losses["pose"].item() > 0


def test_plain_supervision_pulls_every_scale_towards_the_hint():
    objective, given = an_objective(rule="always"), disparities()
    losses = objective.losses_from(
        given, [torch.eye(4).repeat(B, 1, 1)], a_batch(2 * depth_of(objective, given)), emphasis=Emphasis(False)
    )
    assert losses["hint"].item() == pytest.approx(0.6931, rel=1e-3)
    assert "photometric" not in losses
    losses["loss"].backward()
    assert all((d.grad > 0).all() for d in given), "a smaller disparity is a larger depth"


def test_depth_is_drawn_up_from_under_the_road_and_left_alone_above_it():
    objective, given = an_objective(rule="always", road_weight=3.0), disparities()
    depth = depth_of(objective, given)
    batch, poses = a_batch(depth), [torch.eye(4).repeat(B, 1, 1)]
    assert batch.hints is not None
    road = 2 / depth  # half as far away as the depth
    road[:, : H // 2] = 0.5 / depth[:, : H // 2]
    road[:, :, : W // 2] = 0
    batch = batch._replace(hints=batch.hints._replace(road=road))
    losses = objective.losses_from(given, poses, batch, emphasis=Emphasis(False))
    assert losses["road"].item() == pytest.approx(0.6931 / 2, rel=1e-3)  # mean over the pixels that are judged
    grads = torch.autograd.grad(losses["road"], given)
    assert all((g[:, h // 2 + 2 :, w // 2 + 2 :] < 0).all() for g in grads for h, w in [g.shape[1:]])
    assert (grads[0][:, : H // 2 - 2] == 0).all()
    pose = objective.config.loss.pose * losses["pose"]
    parts = losses["hint"] + 3 * losses["road"] + 1e-3 * losses["smoothness"] + pose
    assert losses["loss"].item() == pytest.approx(parts.item(), rel=1e-5)
    off = an_objective(rule="always", road_weight=0.0)
    assert "road" not in off.losses_from(given, poses, batch, emphasis=Emphasis(False))


def test_the_road_is_in_the_unit_of_its_hints():
    objective, given = an_objective(rule="always"), disparities()
    depth = depth_of(objective, given)
    batch = a_batch(depth / 5, unit=1)
    assert batch.hints is not None
    batch = batch._replace(hints=batch.hints._replace(road=5 / depth))
    losses = objective.losses_from(given, [torch.eye(4).repeat(B, 1, 1)], batch, emphasis=Emphasis(False))
    assert losses["road"].item() == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("unit", [0, 1, -1])
def test_the_road_draws_no_sample_nearer_whose_unit_is_another(unit: int):
    objective, given = an_objective(rule="always"), disparities()
    depth = depth_of(objective, given)
    batch = a_batch(depth, unit=unit)
    assert batch.hints is not None
    road = torch.zeros_like(depth)
    road[:, H // 2 :] = 2 / depth[:, H // 2 :]
    batch = batch._replace(hints=batch.hints._replace(road=road))
    full = [d[:, None].detach().requires_grad_() for d in given]
    losses = objective.losses_from(
        [d[:, 0] for d in full], [torch.eye(4).repeat(B, 1, 1)], batch, emphasis=Emphasis(False)
    )
    assert losses["road"].item() == pytest.approx(0.6931, rel=1e-3)
    (grad,) = torch.autograd.grad(losses["road"], full[:1])
    assert (grad[..., H // 2 + 2 :, :] < 0).all(), "what lies under the road comes nearer"
    if unit == 0:
        assert (grad[..., : H // 2 - 2, :] == 0).all()
    else:
        assert (grad[..., : H // 2 - 2, :] > 0).all()
        assert grad.sum().abs() < 1e-3 * grad.abs().sum(), "and the rest as much farther"


def test_the_road_of_a_sample_whose_unit_nothing_tells_is_not_judged():
    objective, given = an_objective(rule="always"), disparities()
    batch = a_batch(unit=1)  # without a hint
    assert batch.hints is not None
    batch = batch._replace(hints=batch.hints._replace(road=5 / depth_of(objective, given)))
    losses = objective.losses_from(given, [torch.eye(4).repeat(B, 1, 1)], batch, emphasis=Emphasis(False))
    assert losses["road"].item() == 0


def test_gradients_are_matched_where_they_have_a_weight_which_counts_with_that_of_the_hints():
    plain, matched = an_objective(rule="always"), an_objective(rule="always", weight=2.0, gradient_weight=0.5)
    hint = depth_of(plain, disparities())
    hint[:, :, : W // 2] *= 2
    poses, given = [torch.eye(4).repeat(B, 1, 1)], disparities()
    assert "gradient" not in plain.losses_from(given, poses, a_batch(hint))
    losses = matched.losses_from(given, poses, a_batch(hint), emphasis=Emphasis(False))
    # Of the columns, one of 63, two of 62, four of 60 and eight of 56 pairs meet the step.
    assert losses["gradient"].item() == pytest.approx(0.6931 / 8 * (1 / 63 + 2 / 62 + 4 / 60 + 8 / 56), rel=1e-3)
    parts = (
        2 * losses["hint"]
        + losses["gradient"]
        + 1e-3 * losses["smoothness"]
        + matched.config.loss.pose * losses["pose"]
    )
    assert losses["loss"].item() == pytest.approx(parts.item(), rel=1e-5)


def test_a_hint_of_another_unit_teaches_the_shape_alone():
    objective, given = an_objective(rule="always"), disparities()
    batch = a_batch(5 * depth_of(objective, given), unit=1)
    assert objective.losses_from(given, [torch.eye(4).repeat(B, 1, 1)], batch)["hint"].item() < 1e-6


def test_known_poses_warp_in_the_unit_of_the_network():
    # Hints and poses five times as large are the same to samples without a common unit.
    objective, given = an_objective(rule="always"), disparities()
    torch.manual_seed(1)
    batch = a_batch(depth_of(objective, given), unit=1)
    larger = [r._replace(source_from_target=_times(r.source_from_target, 5.0)) for r in batch.rig]
    hints = batch.hints._replace(inverse_depth=batch.hints.inverse_depth / 5)
    estimates = [torch.eye(4).repeat(B, 1, 1)]
    first = objective.losses_from(given, estimates, batch)
    second = objective.losses_from(given, estimates, batch._replace(rig=larger, hints=hints))
    for name in first:
        torch.testing.assert_close(first[name], second[name], rtol=1e-4, atol=1e-6)


def _times(pose: Tensor, factor: float) -> Tensor:
    pose = pose.clone()
    pose[:, :3, 3] *= factor
    return pose


def test_a_hint_that_explains_the_pixel_no_better_does_not_count():
    objective, given = an_objective(rule="better"), disparities()
    same = a_batch(depth_of(objective, given))
    assert objective.losses_from(given, [torch.eye(4).repeat(B, 1, 1)], same)["hint"].item() == 0


def test_a_hint_that_is_right_counts_where_the_network_is_wrong():
    # The sources show what the hint's depth makes of the target: a plane that the camera passes sideways.
    objective, given = an_objective(rule="better"), disparities()
    depth = 2 * depth_of(objective, given)
    target = torch.rand(B, 3, H, W)
    shifted = torch.eye(4).repeat(B, 1, 1)
    shifted[:, 0, 3] = 4 / W / 0.7 * depth[:, 0, 0]  # by four pixels
    camera = Camera(torch.full((B, 2), 0.7), torch.full((B, 2), 0.5))
    source = View(target.roll(4, -1), camera)
    batch = a_batch(depth)._replace(target=View(target, camera), rig=[RigView(source, shifted)] * 2)
    losses = objective.losses_from(given, [torch.eye(4).repeat(B, 1, 1)], batch)
    assert losses["hint"].item() == pytest.approx(0.6931 * 0.9, rel=0.15)


def test_the_pose_network_is_asked_once_for_each_distance_of_known_poses():
    assert one_of_each_distance((-2, -1, 1, 2)) == [0, 1]
    assert one_of_each_distance((1, -3)) == [0, 1]
    batch = a_batch()
    objective = an_objective()
    (pose,) = objective.estimate(batch).poses
    torch.testing.assert_close(
        objective.losses_from(disparities(), [batch.rig[0].source_from_target], batch)["pose"], torch.tensor(0.0)
    )
    assert objective.losses_from(disparities(), [pose], batch)["pose"] > 0


def test_the_pose_network_learns_known_poses_and_nothing_else_from_them():
    objective = an_objective(rule="always")
    batch = a_batch(torch.full((B, H, W), 10.0))
    losses = objective(batch, emphasis=Emphasis(photometric=False))
    losses["pose"].backward()
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in objective.pose_net.parameters())
    assert all(p.grad is None for p in objective.depth_net.parameters())


def test_diagnosis_and_forward_take_known_poses():
    objective = an_objective(rule="always")
    batch = a_batch(torch.full((B, H, W), 10.0))
    assert objective.diagnose(batch).translation.shape == (1, B)
    assert objective(batch)["loss"].isfinite()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"hints": HintConfig(sources=("stereo",))}, "needs the stereo partner"),
        ({"loss": LossConfig(photometric=0.0)}, "nothing to learn from"),
        ({"data": DataConfig(poses="sfm"), "loss": LossConfig(depth_scaling="median")}, "known poses fix the scale"),
        ({"data": DataConfig(offsets=(), stereo=True), "hints": HintConfig(sources=("sweep",))}, "need neighbours"),
    ],
)
def test_settings_that_mean_nothing_are_one_line(changes, reason):
    with pytest.raises(InputError, match=reason):
        dataclasses.replace(TrainConfig(), **changes)
