"""What the objective asks of the networks; the loss values themselves are checked in `test_objective_parity.py`."""

from dataclasses import replace
from functools import cache

import pytest
import torch
from torch import Tensor

from egodepth.config import DataConfig, LossConfig, ModelConfig, TrainConfig, TrainerConfig
from egodepth.data.batch import Batch, RigView, View
from egodepth.geometry import Camera, transform_from_axis_angle
from egodepth.networks import DepthNet, PoseNet, build_pose_net
from egodepth.objective import SelfSupervisedObjective

BATCH, HEIGHT, WIDTH = 1, 64, 64


@pytest.fixture(scope="module")
def depth_net() -> DepthNet:
    return DepthNet("resnet18", pretrained=False).eval()


@cache
def a_pose_net(kind: str) -> PoseNet:
    return build_pose_net(kind, "resnet18", pretrained=False, channels=512)


def a_view() -> View:
    camera = Camera(torch.tensor([0.58, 1.92]).repeat(BATCH, 1), torch.full((BATCH, 2), 0.5))
    return View(torch.rand(BATCH, 3, HEIGHT, WIDTH), camera)


def a_batch(neighbours: int = 2, rig: int = 0) -> Batch:
    right = torch.eye(4).repeat(BATCH, 1, 1)
    right[:, 0, 3] = -0.54
    return Batch(a_view(), [a_view() for _ in range(neighbours)], [RigView(a_view(), right)] * rig)


def an_objective(depth_net: DepthNet, pose: str = "separate", **loss: object) -> SelfSupervisedObjective:
    config = TrainConfig(model=ModelConfig(pose=pose), loss=LossConfig(**loss))
    return SelfSupervisedObjective(depth_net, a_pose_net(pose), config).eval()


def assert_same(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert found.keys() == expected.keys()
    for name, value in found.items():
        torch.testing.assert_close(value, expected[name])


@pytest.mark.parametrize("reprojection", ["minimum", "average"])
@pytest.mark.parametrize("multiscale", ["full", "native"])
def test_a_source_that_does_not_exist_counts_for_nothing(depth_net, reprojection, multiscale):
    # Lone stereo pairs in training on video and stereo: the same as the rig alone, whatever stands in the other places.
    objective = an_objective(depth_net, reprojection=reprojection, multiscale=multiscale)
    batch = a_batch(neighbours=2, rig=1)
    estimate = objective.estimate(batch)
    alone = objective.losses_from(estimate.disparities, [], batch._replace(neighbours=[]))
    absent = batch._replace(present=torch.zeros(BATCH, 2, dtype=torch.bool))
    assert_same(objective.losses_from(estimate.disparities, estimate.poses, absent), alone)
    everything = batch._replace(present=torch.ones(BATCH, 2, dtype=torch.bool))
    with_neighbours = objective.losses_from(estimate.disparities, estimate.poses, batch)
    assert_same(objective.losses_from(estimate.disparities, estimate.poses, everything), with_neighbours)
    assert not torch.allclose(with_neighbours["loss"], alone["loss"], rtol=1e-3)


def test_a_source_that_does_not_exist_gives_no_gradient(depth_net):
    objective, batch = an_objective(depth_net, pose="posecnn"), a_batch(neighbours=2, rig=1)
    absent = batch._replace(present=torch.zeros(BATCH, 2, dtype=torch.bool))
    for given, learns in ((absent, False), (batch, True)):
        objective.zero_grad()
        objective(given)["loss"].backward()
        gradients = [p.grad for p in objective.pose_net.parameters() if p.grad is not None]
        assert all(bool(torch.isfinite(g).all()) for g in gradients)
        assert any(bool(g.abs().sum() > 0) for g in gradients) == learns


@pytest.mark.parametrize("pose", ["separate", "shared", "posecnn"])
def test_the_losses_of_a_batch_are_those_of_what_the_networks_say(depth_net, pose):
    objective, batch = an_objective(depth_net, pose), a_batch()
    estimate = objective.estimate(batch)
    assert estimate.masks is None
    assert [tuple(d.shape) for d in estimate.disparities] == [(BATCH, HEIGHT >> s, WIDTH >> s) for s in range(4)]
    assert_same(objective(batch), objective.losses_from(estimate.disparities, estimate.poses, batch))


@pytest.mark.parametrize("pose", ["separate", "shared", "posecnn"])
def test_the_same_two_frames_give_inverse_motions_seen_from_either_end(depth_net, pose):
    objective, batch = an_objective(depth_net, pose), a_batch()
    earlier, later = batch.neighbours[0], batch.target
    with torch.no_grad():
        earlier_from_later, _ = objective.estimate(Batch(later, [earlier, later], [])).poses
        _, later_from_earlier = objective.estimate(Batch(earlier, [later, later], [])).poses
    assert not torch.allclose(earlier_from_later, torch.eye(4), atol=1e-5)
    both = earlier_from_later @ later_from_earlier
    # The translation of PoseCNN is relative to the target's depth, and here the targets differ.
    both = both[:, :3, :3] if pose == "posecnn" else both
    torch.testing.assert_close(both, torch.eye(both.shape[-1]).expand_as(both), atol=1e-5, rtol=0)


def test_the_networks_see_the_jittered_images_and_the_loss_the_clean_ones(depth_net):
    objective, batch = an_objective(depth_net), a_batch()
    jittered = [torch.rand_like(batch.target.image) for _ in range(3)]
    target, *neighbours = (View(image, batch.target.camera) for image in jittered)
    estimate = objective.estimate(Batch(target, neighbours, []))
    assert_same(objective(batch, jittered), objective.losses_from(estimate.disparities, estimate.poses, batch))


def test_pure_stereo_needs_no_pose_network(depth_net):
    config = TrainConfig(data=DataConfig(offsets=(), stereo=True))
    objective, batch = SelfSupervisedObjective(depth_net, None, config).eval(), a_batch(neighbours=0, rig=1)
    assert objective.estimate(batch).poses == []
    assert objective(batch)["loss"].isfinite()


def test_predictive_masks_have_one_channel_a_source_and_their_own_loss(depth_net):
    objective, batch = an_objective(depth_net, automask=False, predictive_mask=True), a_batch()
    estimate = objective.estimate(batch)
    assert estimate.masks is not None
    assert [m.shape[1] for m in estimate.masks] == [2] * 4
    losses = objective(batch)
    expected = losses["photometric"] + 1e-3 * losses["smoothness"] + 0.2 * losses["mask"]
    torch.testing.assert_close(losses["loss"], expected)


@pytest.mark.parametrize("pose", ["separate", "shared", "posecnn"])
def test_every_weight_gets_a_finite_gradient(depth_net, pose):
    objective = an_objective(depth_net, pose, depth_scaling="median")
    objective.zero_grad()
    objective(a_batch())["loss"].backward()
    for name, weight in objective.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.isfinite().all(), name


def test_under_median_scaling_the_networks_output_has_no_say_over_scale(depth_net):
    objective, batch = an_objective(depth_net, depth_scaling="median", smoothness=0.0), a_batch()
    estimate = objective.estimate(batch)
    near, far = 1 / 0.1, 1 / 100.0
    inverse_depth = [far + (near - far) * d for d in estimate.disparities]
    halved = [(i / 2 - far) / (near - far) for i in inverse_depth]
    before = objective.losses_from(estimate.disparities, estimate.poses, batch)["loss"]
    torch.testing.assert_close(objective.losses_from(halved, estimate.poses, batch)["loss"], before)


def test_under_median_scaling_a_sample_has_no_gradient_towards_another_scale(depth_net):
    objective, batch = an_objective(depth_net, depth_scaling="median", smoothness=0.0), a_batch()
    limits = objective.config.model
    near, far = 1 / limits.min_depth, 1 / limits.max_depth
    logs = [
        torch.log(4 + 8 * torch.rand(BATCH, HEIGHT >> scale, WIDTH >> scale)).requires_grad_() for scale in range(4)
    ]
    poses = [transform_from_axis_angle(torch.zeros(BATCH, 3), 0.05 * torch.randn(BATCH, 3)) for _ in range(2)]
    loss = objective.losses_from([((-one).exp() - far) / (near - far) for one in logs], poses, batch)["loss"]
    gradients = torch.autograd.grad(loss, logs)
    assert gradients[0].abs().sum() > 1e-4
    # The coarser maps are interpolated as disparities: a common factor of all of them is one of all depths, too.
    assert abs(sum(one.sum() for one in gradients)) < 1e-3 * sum(one.abs().sum() for one in gradients)


@pytest.mark.parametrize("pose", ["separate", "posecnn"])
def test_the_published_depth_range_leaves_the_pose_networks_output_as_it_is(depth_net, pose):
    objective, batch = an_objective(depth_net, pose), a_batch(neighbours=2)
    target, later = batch.target.image, batch.neighbours[1].image
    axis_angle, translation = objective.pose_net(target, later)
    if pose == "posecnn":
        depth = 1 / (1 / 100 + (1 / 0.1 - 1 / 100) * depth_net(target)[0])
        translation = translation * (1 / depth).mean()
    expected = transform_from_axis_angle(axis_angle, translation)
    torch.testing.assert_close(objective.estimate(batch).poses[1], expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("pose", ["separate", "posecnn"])
def test_in_metres_the_first_translations_are_as_large_a_part_of_the_depth(depth_net, pose):
    batch, lengths = a_batch(), []
    for unit in (1.0, 50.0):
        model = ModelConfig(pose=pose, min_depth=0.1 * unit, max_depth=100.0 * unit)
        objective = SelfSupervisedObjective(depth_net, a_pose_net(pose), TrainConfig(model=model)).eval()
        lengths.append(objective.estimate(batch).poses[1][0, :3, 3].norm() / unit)
    torch.testing.assert_close(lengths[1], lengths[0])


def test_the_automask_can_be_left_out_for_a_step(depth_net):
    masked, batch = an_objective(depth_net), a_batch()
    assert_same(masked(batch, automask=False), an_objective(depth_net, automask=False)(batch))
    assert masked(batch)["kept"] < 1


@pytest.mark.parametrize("pose", ["separate", "shared", "posecnn"])
def test_in_bfloat16_the_networks_say_nearly_the_same_and_all_that_follows_is_float32(depth_net, pose):
    objective, batch = an_objective(depth_net, pose), a_batch()
    exact = objective.estimate(batch)
    objective.config = replace(objective.config, trainer=TrainerConfig(precision="bfloat16"))
    rough = objective.estimate(batch)
    for found, expected in zip(rough.disparities, exact.disparities, strict=True):
        torch.testing.assert_close(found, expected, rtol=0.02, atol=0)
        assert not torch.equal(found, expected)
    for found, expected in zip(rough.poses, exact.poses, strict=True):
        motion = (expected - torch.eye(4)).abs().max()
        assert (found - expected).abs().max() < 0.1 * motion
        assert not torch.equal(found, expected)
    assert {tensor.dtype for tensor in rough.disparities + rough.poses} == {torch.float32}
    losses = objective.losses_from(rough.disparities, rough.poses, batch)
    assert {loss.dtype for loss in losses.values()} == {torch.float32}
    assert objective.diagnose(batch).warped.dtype == torch.float32


def test_the_motion_that_is_watched_is_in_the_units_of_the_depth_that_is_shown(depth_net):
    batch = a_batch()
    scaled = an_objective(depth_net, depth_scaling="median")
    estimate, diagnosis = scaled.estimate(batch), scaled.diagnose(batch)
    lengths = torch.stack([pose[:, :3, 3].norm(dim=1) for pose in estimate.poses])
    medians = diagnosis.depth.flatten(1).median(1).values
    assert (medians - 1).abs().min() > 0.1
    torch.testing.assert_close(diagnosis.translation, lengths * medians)
