import pytest

from egodepth.config import DataConfig, LossConfig, ModelConfig, OptimiserConfig, TrainConfig
from egodepth.objective import SelfSupervisedObjective, build_objective
from egodepth.training.optimiser import build_optimiser


def an_objective(pose: str = "posecnn", data: DataConfig | None = None, masks: bool = False) -> SelfSupervisedObjective:
    model, loss = ModelConfig(encoder="test_resnet", pose=pose), LossConfig(automask=not masks, predictive_mask=masks)
    return build_objective(TrainConfig(data=data or DataConfig(), model=model, loss=loss))


@pytest.mark.parametrize(
    ("pose", "at_once"),
    [
        ("posecnn", {"pose_net"}),
        ("separate", {"pose_net"}),
        ("shared", {"pose_net", "depth_net.encoder"}),
    ],
)
def test_the_last_group_is_the_pose_network_with_the_features_it_reads(pose, at_once):
    objective = an_objective(pose, masks=True)
    names = {parameter: name for name, parameter in objective.named_parameters()}
    waiting, running = (
        {names[parameter] for parameter in group["params"]}
        for group in build_optimiser(objective, TrainConfig().optimiser).param_groups
    )
    assert waiting | running == set(names.values())
    assert running == {name for name in names.values() if name.startswith(tuple(at_once))}


def test_pure_stereo_has_nobody_to_go_first():
    objective = an_objective(data=DataConfig(offsets=(), stereo=True))
    first, last = build_optimiser(objective, TrainConfig().optimiser).param_groups
    assert len(first["params"]) == len(list(objective.parameters()))
    assert last["params"] == []


@pytest.mark.parametrize(("pose", "left"), [("posecnn", True), ("shared", False)])
def test_an_encoder_with_a_rate_of_its_own_is_a_group_unless_poses_read_it(pose, left):
    objective = an_objective(pose)
    rest, poses, encoder = build_optimiser(objective, OptimiserConfig(encoder_rate=0.3)).param_groups
    assert len(rest["params"]) + len(poses["params"]) + len(encoder["params"]) == len(list(objective.parameters()))
    of_the_encoder = {*objective.depth_net.encoder.parameters()}
    assert {*encoder["params"]} == (of_the_encoder if left else set())
    assert of_the_encoder.isdisjoint(rest["params"])
