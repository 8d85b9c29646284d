"""Compares compiled losses with their twins, in a process of its own: `python compiled_cases.py CASE ...` prints JSON.

Tests import egodepth with the shape checks of jaxtyping and beartype in every function, which torch.compile cannot
trace and no user has; here they are absent, as in a user's process.
"""

import json
import sys
from typing import Any

import torch
from torch import Tensor
from torch._dynamo.utils import counters
from torch.nn.functional import interpolate

from egodepth.config import DataConfig, LossConfig, ModelConfig, TrainConfig, TrainerConfig
from egodepth.data.batch import Batch, RigView, View
from egodepth.geometry import Camera, transform_from_axis_angle
from egodepth.losses.fused_twin import plain_formula
from egodepth.objective import SelfSupervisedObjective, build_objective
from egodepth.training.compiling import compile_objective

BATCH, HEIGHT, WIDTH = 2, 64, 96
CPU = torch.device("cpu")
TRACED = "aot_eager_decomp_partition"
"""Traces and differentiates as for the real compiler, then runs torch's own kernels: seconds instead of a minute."""

CASES: dict[str, dict[str, Any]] = {
    "published": {},
    "average of all, own sizes": {"mode": "MS", "reprojection": "average", "multiscale": "native"},
    "predictive masks": {"mode": "MS", "automask": False, "predictive_mask": True},
    "median, no automask, L1": {"depth_scaling": "median", "automask": False, "ssim_weight": 0.0},
}


def an_objective(mode: str = "M", precision: Any = "float32", **loss: Any) -> SelfSupervisedObjective:
    """A tiny one."""
    offsets = (-1, 1) if "M" in mode else ()
    config = TrainConfig(
        data=DataConfig(size=(HEIGHT, WIDTH), offsets=offsets, stereo="S" in mode),
        model=ModelConfig(encoder="test_resnet", pose="posecnn"),
        loss=LossConfig(**loss),
        trainer=TrainerConfig(precision=precision),
    )
    torch.manual_seed(0)
    return build_objective(config).train()


def a_batch(objective: SelfSupervisedObjective, standing: bool = False) -> Batch:
    """A texture that moves sideways, or stands; with video and stereo, one sample lacks a neighbour."""
    torch.manual_seed(1)
    coarse = torch.rand(BATCH, 3, HEIGHT // 8, WIDTH // 8 + 2)
    wide = interpolate(coarse, (HEIGHT, WIDTH + 16), mode="bicubic").clamp(0, 1)
    camera = Camera(torch.tensor([0.58, 0.9]).repeat(BATCH, 1), torch.full((BATCH, 2), 0.5))

    def view(shift: int) -> View:
        left = 8 if standing else 8 + shift
        return View(wide[..., left : left + WIDTH].contiguous(), camera)

    data = objective.config.data
    right = torch.eye(4).repeat(BATCH, 1, 1)
    right[:, 0, 3] = -0.3
    neighbours = [view(3 * offset) for offset in data.offsets]
    rig = [RigView(view(2), right)] if data.stereo else []
    present = torch.tensor([[True, True], [True, False]]) if neighbours and rig else None
    return Batch(view(0), neighbours, rig, present)


def given(objective: SelfSupervisedObjective) -> tuple[list[Tensor], list[Tensor]]:
    """Disparities and poses that gather gradients."""
    torch.manual_seed(2)
    disparities = [0.1 + 0.3 * torch.rand(BATCH, HEIGHT >> s, WIDTH >> s) for s in range(4)]
    motions = [(0.01 * torch.randn(BATCH, 3), 0.02 * torch.randn(BATCH, 3)) for _ in objective.config.data.offsets]
    poses = [transform_from_axis_angle(*motion) for motion in motions]
    return [d.requires_grad_() for d in disparities], [p.requires_grad_() for p in poses]


def outcome(losses_from: Any, objective: SelfSupervisedObjective, automask: bool = True) -> tuple[Any, list[Tensor]]:
    """Losses by name, and gradients."""
    disparities, poses = given(objective)
    masks = None
    if objective.mask_decoder is not None:
        torch.manual_seed(3)
        masks = [
            0.2 + 0.6 * torch.rand(BATCH, objective.mask_decoder.heads[0].out_channels, *d.shape[1:])
            for d in disparities
        ]
    losses = losses_from(disparities, poses, a_batch(objective), masks, automask)
    losses["loss"].backward()
    return {name: value.item() for name, value in losses.items()}, [leaf.grad for leaf in disparities + poses]


def differences(found: tuple[Any, list[Tensor]], expected: tuple[Any, list[Tensor]]) -> dict[str, Any]:
    """Losses of both, and how far their gradients lie apart: sum of differences over sum of sizes."""
    pairs = zip(found[1], expected[1], strict=True)
    apart = [((f - e).abs().sum() / e.abs().sum()).item() for f, e in pairs]
    return {"found": found[0], "expected": expected[0], "gradients": apart}


def traced() -> dict[str, Any]:
    """Ways of combining, in one graph each; the auto-mask is switched on in the course of the first."""
    results = {}
    for name in CASES:
        torch._dynamo.reset()
        counters.clear()
        objective = an_objective(**CASES[name])
        compiled = torch.compile(objective.losses_from, backend=TRACED, fullgraph=True, dynamic=False)
        flags = (False, True, True, False) if name == "published" else (True,)
        results[name] = {"runs": [], "graphs": 0}
        for automask in flags:
            with in_torch():
                expected = outcome(objective.losses_from, objective, automask)
            results[name]["runs"].append(differences(outcome(compiled, objective, automask), expected))
        results[name]["graphs"] = counters["stats"]["unique_graphs"]
    return results


def in_torch() -> Any:
    """Without the loops in C."""
    return plain_formula()


def losses(mode: str) -> dict[str, Any]:
    """The real compiler against torch and against the loops in C, and what a standing camera leaves."""
    objective, compiled = an_objective(mode), an_objective(mode)
    said = compile_objective(compiled, "losses", CPU)
    found = outcome(compiled.losses_from, compiled)
    with in_torch():
        twin = differences(found, outcome(objective.losses_from, objective))
    loops = differences(found, outcome(objective.losses_from, objective))
    still = compiled.losses_from(*given(compiled), a_batch(compiled, standing=True), None, True)
    names = list(compiled.state_dict()) == list(objective.state_dict())
    standing = {name: still[name].item() for name in ("photometric", "kept")}
    return {"runs": [twin, loops], "standing": standing, "names": names, "said": said}


def everything(mode: str, precision: str, compiler: str) -> dict[str, Any]:
    """Networks and losses as the trainer calls them."""
    results = []
    for compiles in (True, False):
        objective = an_objective(mode, precision)
        if compiles and compiler == "inductor":
            compile_objective(objective, "all", CPU)
        elif compiles:
            objective.compile(backend=compiler, fullgraph=True, dynamic=False)
        batch = a_batch(objective)
        with in_torch():
            values = objective(batch, [batch.target.image, *(view.image for view in batch.neighbours)], True)
        values["loss"].backward()
        gradients = [p.grad.flatten() for p in objective.parameters() if p.grad is not None]
        results.append(({name: value.item() for name, value in values.items()}, [torch.cat(gradients)]))
    return {"runs": [differences(*results)]}


if __name__ == "__main__":
    torch.set_num_threads(1)
    case = {"traced": traced, "losses": losses, "everything": everything}[sys.argv[1]]
    print(json.dumps(case(*sys.argv[2:])))
