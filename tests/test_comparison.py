import pytest
import torch

from egodepth.comparison import Comparison, compare_views
from egodepth.config import LossConfig
from egodepth.data.types import View
from egodepth.geometry import Camera, transform_from_axis_angle
from egodepth.native import compiled

SIZE = (12, 20)
PATHS = [pytest.param(True, marks=pytest.mark.skipif(compiled("reprojection") is None, reason="no compiler")), False]


@pytest.fixture(params=PATHS, ids=["fused", "torch"])
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of the two ways that the comparison is made."""
    if not request.param:
        monkeypatch.setattr("egodepth.comparison.can_fuse", lambda *tensors: False)


def compared(depth: torch.Tensor, pose: torch.Tensor, camera: Camera) -> Comparison:
    images = torch.rand(3, 2, 3, *SIZE, generator=torch.Generator().manual_seed(1))
    target, *sources = (View(image, camera) for image in images)
    return compare_views(target, sources, depth, [pose, pose], None, LossConfig())


def a_scene() -> tuple[torch.Tensor, torch.Tensor, Camera]:
    pose = transform_from_axis_angle(0.01 * torch.randn(2, 3), 0.2 * torch.randn(2, 3))
    return 2 + 8 * torch.rand(4, 2, *SIZE), pose, Camera(torch.rand(2, 2) + 0.7, 0.4 + 0.2 * torch.rand(2, 2))


@pytest.mark.usefixtures("path")
def test_cameras_and_poses_in_double_precision_are_compared_as_their_rounded_values() -> None:
    depth, pose, camera = a_scene()
    expected = compared(depth, pose, camera)
    found = compared(depth, pose.double(), Camera(*(part.double() for part in camera)))
    assert torch.equal(found.error, expected.error)
    assert torch.equal(found.kept, expected.kept)
