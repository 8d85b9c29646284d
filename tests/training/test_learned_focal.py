"""Trainings that learn the focal length (`data.camera learned`)."""

import json
import shutil
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import torch
from jaxtyping import Float
from rich.console import Console
from safetensors.torch import load_file
from torch import Tensor

import tiny_training
from egodepth import reprojection
from egodepth.config import DataConfig, LossConfig, ModelConfig, OptimiserConfig, TrainConfig
from egodepth.data.batch import Batch, View
from egodepth.foundation.errors import InputError
from egodepth.foundation.native import compiled
from egodepth.geometry import Camera, transform_from_axis_angle
from egodepth.objective import SelfSupervisedObjective, build_objective
from egodepth.synthetic import Street, render_frames
from egodepth.training.learned_camera import learned_camera
from egodepth.training.optimiser import build_optimiser
from egodepth.training.train import train
from egodepth.weights import load_model

SIZE = (64, 64)
B, H, W = 2, 64, 96


def an_objective(camera: str = "learned", factor: float = 1.0, **loss: object) -> SelfSupervisedObjective:
    model = ModelConfig(encoder="test_resnet", pose="posecnn", min_depth=1.0, max_depth=200.0)
    objective = build_objective(TrainConfig(data=DataConfig(camera=camera), model=model, loss=LossConfig(**loss)))
    return with_factor(objective, factor)


def with_factor(objective: SelfSupervisedObjective, factor: float) -> SelfSupervisedObjective:
    if objective.focal is not None:
        with torch.no_grad():
            objective.focal.log_factor.fill_(factor).log_()
    return objective


def smooth(*shape: int) -> Tensor:
    rough = torch.rand(*shape[:-2], shape[-2] // 8, shape[-1] // 8)
    return torch.nn.functional.interpolate(rough, shape[-2:], mode="bicubic").clamp(0, 1)


class Scene:
    """A batch, and what networks could say of it."""

    def __init__(self, dtype: torch.dtype = torch.float32) -> None:
        camera = Camera(torch.tensor([[0.6, 0.9], [0.7, 1.1]]), torch.tensor([[0.5, 0.5], [0.55, 0.4]]))
        self.camera = Camera(*(part.to(dtype) for part in camera))
        self.images = [smooth(B, 3, H, W).to(dtype) for _ in range(3)]
        self.disparities = [torch.rand(B, H >> s, W >> s).to(dtype).requires_grad_() for s in range(4)]
        self.poses = [
            transform_from_axis_angle(0.03 * torch.randn(B, 3).to(dtype), 0.3 * torch.randn(B, 3).to(dtype))
            for _ in range(2)
        ]

    def losses(self, objective: SelfSupervisedObjective, longer: float = 1.0) -> dict[str, Tensor]:
        """With cameras whose focal lengths are `longer` times as long."""
        camera = Camera(self.camera.focal * longer, self.camera.centre)
        target, *neighbours = (View(image, camera) for image in self.images)
        return objective.losses_from(self.disparities, self.poses, Batch(target, neighbours, []))


def without_loops_in_c(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reprojection, "takes_over", lambda *_: False)


@pytest.mark.parametrize(
    "changes", [{"stereo": True}, {"stereo": True, "offsets": ()}, {"poses": "given"}], ids=["MS", "S", "given"]
)
def test_a_focal_length_is_learned_from_video_alone(changes):
    with pytest.raises(InputError, match=r"data\.camera 'learned' is for video without stereo and with learned poses"):
        DataConfig(camera="learned", **changes)
    assert DataConfig(camera="learned").camera == "learned"


def test_the_rate_of_the_focal_length_is_positive():
    with pytest.raises(InputError, match=r"optimiser\.focal_rate"):
        OptimiserConfig(focal_rate=0.0)


def test_only_a_learned_camera_has_a_parameter_of_its_own():
    known = {name for name, _ in an_objective("true").named_parameters()}
    learned = {name for name, _ in an_objective("learned").named_parameters()}
    assert learned - known == {"focal.log_factor"}
    assert known < learned


def test_the_networks_start_from_the_same_weights_with_and_without_it():
    weights = []
    for camera in ("true", "learned"):
        torch.manual_seed(3)
        weights.append(dict(an_objective(camera).depth_net.named_parameters()))
    assert all(torch.equal(value, weights[1][name]) for name, value in weights[0].items())


@pytest.mark.parametrize("multiscale", ["full", "native"])
def test_an_untrained_factor_gives_the_very_losses_of_the_given_cameras(multiscale):
    scene = Scene()
    found = scene.losses(an_objective("learned", multiscale=multiscale))
    expected = scene.losses(an_objective("true", multiscale=multiscale))
    assert all(torch.equal(value, expected[name]) for name, value in found.items())


@pytest.mark.parametrize("loops_in_c", [True, False])
@pytest.mark.parametrize("scaling", ["none", "median"])
def test_a_factor_gives_losses_and_gradients_of_cameras_that_have_it(monkeypatch, loops_in_c, scaling):
    if not loops_in_c:
        without_loops_in_c(monkeypatch)
    elif compiled("reprojection") is None:
        pytest.skip("no C compiler here")
    scene = Scene()
    for factor in (0.7, 1.4):
        found = scene.losses(an_objective("learned", factor, depth_scaling=scaling))
        expected = scene.losses(an_objective("true", depth_scaling=scaling), longer=factor)
        for name, value in found.items():
            torch.testing.assert_close(value, expected[name], rtol=1e-4, atol=1e-6)
        gradients = [torch.autograd.grad(losses["loss"], scene.disparities) for losses in (found, expected)]
        for own, reference in zip(*gradients, strict=True):
            # Where a sample falls on the line between two pixels the slope has two values, and rounding chooses.
            assert (own - reference).abs().sum() < 1e-2 * reference.abs().sum()


def slope(scene: Scene, objective: SelfSupervisedObjective) -> float:
    assert objective.focal is not None
    return torch.autograd.grad(scene.losses(objective)["photometric"], objective.focal.log_factor)[0].item()


def test_the_gradient_is_the_slope_of_the_loss():
    scene, objective, step = Scene(torch.float64), an_objective().double(), 1e-6
    found = slope(scene, with_factor(objective, 1.1))
    with torch.no_grad():
        lower, upper = (
            scene.losses(with_factor(objective, 1.1 * float(np.exp(sign * step))))["photometric"].item()
            for sign in (-1, 1)
        )
    assert abs(found) > 1e-3
    assert found == pytest.approx((upper - lower) / (2 * step), rel=1e-4)


@pytest.mark.skipif(compiled("reprojection") is None, reason="no C compiler here")
def test_the_loops_in_c_take_what_is_no_rotation_to_the_same_gradient(monkeypatch):
    scene = Scene()
    found = slope(scene, an_objective(factor=1.3))
    without_loops_in_c(monkeypatch)
    assert found == pytest.approx(slope(scene, an_objective(factor=1.3)), rel=1e-2)


class TurningStreet(Street):
    """A street seen by a camera that turns by two degrees a frame."""

    def camera_pose(self, frame: int) -> Float[np.ndarray, "4 4"]:
        turn = transform_from_axis_angle(
            torch.tensor([0.0, np.radians(2.0) * frame, 0.0]).double(), torch.zeros(3).double()
        )
        return super().camera_pose(frame) @ turn.numpy()


class Rendered:
    """Three frames of the turning street with their true depth and poses, and cameras that are `wrong` times right."""

    def __init__(self) -> None:
        street = TurningStreet(3, frames=12)
        frames = list(render_frames(street, range(3, 6), (96, 320), noise=False))
        images = [torch.from_numpy(frame.image).permute(2, 0, 1)[None].float() / 255 for frame in frames]
        self.images = [images[1], images[0], images[2]]
        self.focal, self.centre = (torch.from_numpy(part)[None].float() for part in (street.focal, street.centre))
        depth = torch.from_numpy(frames[1].depth)[None].double()
        inverse = torch.where(depth > 0, 1 / depth.clamp(min=1), 1 / 200.0)
        full = ((inverse - 1 / 200.0) / (1 - 1 / 200.0)).clamp(0, 1)
        self.disparities = [full.float()]
        worlds = [frame.world_from_camera for frame in frames]
        self.poses = [torch.from_numpy(np.linalg.solve(worlds[i], worlds[1]))[None].float() for i in (0, 2)]

    def loss(self, objective: SelfSupervisedObjective, wrong: float = 1.0) -> Tensor:
        camera = Camera(self.focal * wrong, self.centre)
        target, *neighbours = (View(image, camera) for image in self.images)
        return objective.losses_from(self.disparities, self.poses, Batch(target, neighbours, []))["photometric"]


@pytest.fixture(scope="module")
def rendered() -> Rendered:
    return Rendered()


def test_with_true_depth_and_poses_the_loss_is_least_at_the_true_focal_length(rendered: Rendered):
    factors, objective = np.exp(np.linspace(-0.3, 0.3, 61)), an_objective()
    with torch.no_grad():
        losses = [rendered.loss(with_factor(objective, float(factor))).item() for factor in factors]
    assert factors[int(np.argmin(losses))] == pytest.approx(1, rel=0.02)
    assert min(losses) < 0.7 * min(losses[0], losses[-1])


@pytest.mark.parametrize("wrong", [0.8, 1.2])
def test_with_true_depth_and_poses_descent_finds_the_true_focal_length(rendered: Rendered, wrong: float):
    objective = an_objective()
    assert objective.focal is not None
    optimiser = torch.optim.Adam(objective.focal.parameters(), 0.02)
    for step in range(60):
        optimiser.param_groups[0]["lr"] = 0.02 * (1 - step / 60)
        optimiser.zero_grad()
        rendered.loss(objective, wrong).backward()
        optimiser.step()
    assert wrong * objective.focal.factor == pytest.approx(1, rel=0.02)


def test_the_focal_length_is_a_group_of_its_own_without_weight_decay():
    groups = build_optimiser(an_objective(), OptimiserConfig(weight_decay=0.1)).param_groups
    assert [group["weight_decay"] for group in groups] == [0.1, 0.1, 0.0]
    assert [tuple(p.shape) for p in groups[2]["params"]] == [()]
    assert sum(len(group["params"]) for group in groups) == len(list(an_objective().parameters()))


def a_config(clip: Path, **changes: object) -> TrainConfig:
    """A tiny training that learns the camera."""
    return tiny_training.a_config(clip, **({"camera": "learned"} | changes))


def quietly(config: TrainConfig, run: Path) -> str:
    out = StringIO()
    train(config, run, Console(file=out, width=400))
    return out.getvalue()


def factors(run: Path) -> list[float]:
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [line["camera/focal_factor"] for line in lines if "camera/focal_factor" in line]


@pytest.fixture
def clip(make_clip, tmp_path: Path) -> Path:
    return make_clip(tmp_path / "clip", frames=8, size=SIZE)


def test_a_training_leaves_the_camera_it_found(clip: Path, tmp_path: Path, assert_close):
    said = quietly(a_config(clip), tmp_path / "run")
    found = factors(tmp_path / "run")
    assert len(set(found)) == 4
    assert load_model(tmp_path / "run").card.focal_factor == found[-1] != 1
    camera = learned_camera(tmp_path / "run", SIZE)
    assert_close(camera.focal, found[-1] * 0.5 / np.tan(np.radians(35)))
    assert said.count("learned camera: focal length ") == 1
    assert f"{found[-1]:.3f} times the given focal length" in said


def test_a_training_with_given_cameras_says_nothing_of_them(clip: Path, tmp_path: Path):
    said = quietly(a_config(clip, camera="true"), tmp_path / "run")
    assert "camera" not in said
    assert factors(tmp_path / "run") == []
    assert not (tmp_path / "run" / "camera.json").exists()
    assert load_model(tmp_path / "run").card.focal_factor == 1


def test_a_run_that_was_cut_off_goes_on_to_the_very_weights(clip: Path, tmp_path: Path):
    quietly(a_config(clip), tmp_path / "whole")
    quietly(a_config(clip), tmp_path / "cut")
    shutil.rmtree(tmp_path / "cut" / "checkpoints" / "step_00000004")
    assert "resuming from step_00000002" in quietly(a_config(clip), tmp_path / "cut")
    states = [load_file(tmp_path / run / "checkpoints/step_00000004/state.safetensors") for run in ("whole", "cut")]
    assert "model.focal.log_factor" in states[0]
    assert "optimiser.exp_avg.focal.log_factor" in states[0]
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())
    assert factors(tmp_path / "whole") == factors(tmp_path / "cut")


def test_while_the_poses_go_first_the_focal_length_waits_with_the_depth(clip: Path, tmp_path: Path):
    quietly(a_config(clip, pose_first=0.5), tmp_path / "run")
    found = factors(tmp_path / "run")
    assert found[:2] == [1, 1]
    assert len(set(found[1:])) == 3


def test_the_rate_of_the_focal_length_scales_its_steps(clip: Path, tmp_path: Path):
    # The first step of Adam is as long as the learning rate, whatever the gradient.
    for rate in (1.0, 20.0):
        quietly(a_config(clip, focal_rate=rate, steps=1), tmp_path / f"{rate}")
        assert abs(np.log(factors(tmp_path / f"{rate}")[0])) == pytest.approx(rate * 1e-3, rel=1e-3)


def test_a_card_of_before_still_loads(clip: Path, tmp_path: Path):
    quietly(a_config(clip, camera="true", steps=1), tmp_path / "run")
    file = tmp_path / "run" / "model" / "config.json"
    card = json.loads(file.read_text())
    del card["focal_factor"]
    file.write_text(json.dumps(card))
    assert load_model(tmp_path / "run").card.focal_factor == 1
