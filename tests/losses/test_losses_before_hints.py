"""With hints, teacher and known poses off, the losses of every recipe are what they were before there were any.

The values are those of commit 9cd485f, for disparities, poses and images given by a formula: no weight and no random
number has a say. `python tests/test_losses_before_hints.py` prints them, as whole bits, with any version that is
installed; on one machine the two versions print the same.
"""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from egodepth.config import TrainConfig
from egodepth.config.recipes import RECIPES
from egodepth.data.batch import Batch, RigView, View
from egodepth.geometry import Camera, transform_from_axis_angle
from egodepth.networks import DepthNet
from egodepth.objective import SelfSupervisedObjective

SIZE = (32, 64)
VALUES = Path(__file__).parent / "losses_before_hints.json"
BEFORE: dict[str, dict[str, str]] = json.loads(VALUES.read_text()) if VALUES.exists() else {}
RENAMED = {"quickstart": "synthetic-s", "street-clip": "street-clip-photometric"}
"""What a recipe of then is called now."""


def waves(*shape: int, phase: float) -> Tensor:
    """Values in (0, 1) with detail at every size."""
    places = torch.arange(float(torch.Size(shape).numel()), dtype=torch.float64)
    value = 0.5 + 0.24 * (0.37 * places + phase).sin() + 0.24 * (0.0071 * places + 2 * phase).cos()
    return value.float().reshape(shape)


def view(phase: float) -> View:
    camera = Camera(torch.tensor([[0.58, 1.92]]), torch.full((1, 2), 0.5))
    return View(waves(1, 3, *SIZE, phase=phase), camera)


def losses(config: TrainConfig) -> dict[str, str]:
    """By term, as hexadecimal fractions."""
    height, width = SIZE
    right = torch.eye(4)[None].clone()
    right[:, 0, 3] = -0.54
    neighbours = [view(1.0 + n) for n in range(len(config.data.offsets))]
    rig = [RigView(view(9.0), right)] * config.data.stereo
    disparities = [waves(1, height >> scale, width >> scale, phase=0.2 * scale) for scale in range(4)]
    poses = [
        transform_from_axis_angle(torch.tensor([[0.01, 0.02 * n, 0.003]]), torch.tensor([[0.01, 0.02, 0.1 + n]]))
        for n in range(len(neighbours))
    ]
    config = replace(config, model=replace(config.model, pretrained=False))
    objective = SelfSupervisedObjective(DepthNet("resnet18", pretrained=False), None, config)
    found = objective.losses_from(disparities, poses, Batch(view(0.0), neighbours, rig))
    return {name: value.item().hex() for name, value in sorted(found.items())}


@pytest.mark.parametrize("name", BEFORE)
def test_with_the_new_options_off_a_recipe_has_the_losses_it_had(name: str) -> None:
    found = losses(RECIPES[RENAMED.get(name, name)])
    assert found.keys() == BEFORE[name].keys()
    for term, value in BEFORE[name].items():
        # Not to the bit, as machines differ in the last ones, and may in a pixel of 2048 that the mask keeps.
        near = {"abs": 2e-3} if term == "kept" else {"rel": 1e-5}
        assert float.fromhex(found[term]) == pytest.approx(float.fromhex(value), **near), term


def of_the_method_alone() -> dict[str, TrainConfig]:
    """Older versions know no weight of the photometric loss."""
    photometric = {name: one for name, one in RECIPES.items() if getattr(one.loss, "photometric", 1)}
    return {name: one for name, one in photometric.items() if one.data.poses == "learned"}


def test_every_recipe_of_the_method_alone_is_compared() -> None:
    assert set(of_the_method_alone()) == {RENAMED.get(name, name) for name in BEFORE}


if __name__ == "__main__":
    print(json.dumps({name: losses(config) for name, config in of_the_method_alone().items()}, indent=1))
