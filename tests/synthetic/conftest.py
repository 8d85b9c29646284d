"""Streets and a small rendered set that several tests look at."""

from pathlib import Path

import pytest

from egodepth.commands.data_render import Render
from egodepth.synthetic import RenderedFrame, Street, render_frames

SIZE = (96, 320)


@pytest.fixture(scope="session")
def street() -> Street:
    """A street with a car ahead at a constant gap and a stop."""
    street = Street(21)
    leader = street.traffic.leader
    assert leader
    assert (leader.z - street.traffic.camera_z).std() < 1e-6
    assert len(street.still_frames) > 4
    return street


@pytest.fixture(scope="session")
def trio(street: Street) -> list[RenderedFrame]:
    """Three consecutive clean frames in which the camera moves, with the stereo partner."""
    moving = next(frame for frame in range(2, street.frames) if _speed(street, frame) > 0.7)
    return list(render_frames(street, range(moving, moving + 3), SIZE, partner=True, noise=False))


@pytest.fixture(scope="session")
def rendered_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set of one short drive in each split."""
    root = tmp_path_factory.mktemp("synthetic") / "set"
    Render(out=root, train=1, val=1, test=1, frames=3, size=(32, 96), processes=1)()
    return root


def _speed(street: Street, frame: int) -> float:
    z = street.traffic.camera_z
    return float(min(z[frame + step + 1] - z[frame + step] for step in range(4)))
