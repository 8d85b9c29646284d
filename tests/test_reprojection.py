from collections.abc import Iterator
from contextlib import nullcontext

import pytest
import torch

from egodepth.config import LossConfig
from egodepth.data.batch import View
from egodepth.foundation.native import compiled
from egodepth.geometry import Camera, transform_from_axis_angle
from egodepth.losses.fused_twin import plain_formula
from egodepth.reprojection import Reprojection, reproject

SIZE = (12, 20)
PATHS = [pytest.param(True, marks=pytest.mark.skipif(compiled("reprojection") is None, reason="no compiler")), False]


@pytest.fixture(params=PATHS, ids=["fused", "torch"])
def path(request: pytest.FixtureRequest) -> Iterator[None]:
    """The fused twin, and the plain formula."""
    with nullcontext() if request.param else plain_formula():
        yield


def compared(depth: torch.Tensor, poses: list[torch.Tensor], camera: Camera) -> Reprojection:
    images = torch.rand(3, 2, 3, *SIZE, generator=torch.Generator().manual_seed(1))
    target, *sources = (View(image, camera) for image in images)
    return reproject(target, sources, depth, poses, None, LossConfig())


def a_scene() -> tuple[torch.Tensor, torch.Tensor, Camera]:
    pose = transform_from_axis_angle(0.01 * torch.randn(2, 3), 0.2 * torch.randn(2, 3))
    return 2 + 8 * torch.rand(4, 2, *SIZE), pose, Camera(torch.rand(2, 2) + 0.7, 0.4 + 0.2 * torch.rand(2, 2))


@pytest.mark.usefixtures("path")
def test_cameras_and_poses_in_double_precision_are_compared_as_their_rounded_values() -> None:
    depth, pose, camera = a_scene()
    expected = compared(depth, [pose, pose], camera)
    found = compared(depth, [pose.double(), pose.double()], Camera(*(part.double() for part in camera)))
    assert torch.equal(found.error, expected.error)
    assert torch.equal(found.kept, expected.kept)


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("what", ["rotation", "translation", "depth", "camera"])
def test_what_is_no_number_shows_in_the_loss_and_its_gradient_can_be_asked_for(what: str, value: float) -> None:
    depth, pose, camera = a_scene()
    poses = [pose.clone(), pose.clone()]
    if what == "camera":
        camera.centre[0, 0] = value
    else:
        spoilt, place = {"rotation": (poses[0], (0, 1, 1)), "translation": (poses[1], (0, 0, 3))}.get(
            what, (depth, (1, 0, 3, 4))
        )
        spoilt[place] = value
    error = compared(depth.requires_grad_(), [one.requires_grad_() for one in poses], camera).error
    assert not torch.isfinite(error.mean())
    assert torch.isfinite(error[:, 1]).all()  # of the other sample
    error.mean().backward()
    assert all(value.grad is not None for value in (depth, *poses))
