"""The ways that look at two images, on rendered drives with a stand-in for a model and on a real one."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from egodepth.cli import main
from egodepth.config import ModelConfig
from egodepth.data.drive import Drive, select_drives
from egodepth.data.opening import open_drives
from egodepth.inference.predictor import DepthPredictor, at_size
from egodepth.video.scale.estimates import combined, gathered
from egodepth.video.scale.lengths import truth_factor
from egodepth.video.scale.pairs import motion_between, moving_pair, stereo_pair
from egodepth.video.scale.parallax import image_factor
from egodepth.video.scale.sources import (
    Found,
    by_baseline,
    by_depth,
    by_distance_driven,
    by_height,
    driven_pairs,
    neighbours,
)
from egodepth.weights import DepthModel, ModelCard


class StandIn(DepthPredictor):
    """Knows the inverse depth of the images that it was told of."""

    def __init__(self, known: list[tuple[Tensor, Tensor]]) -> None:
        network = ModelConfig(encoder="test_resnet", pose="posecnn")
        super().__init__(DepthModel(ModelCard(network=network, size=(64, 96), metric=False, has_pose_net=True)))
        self.known = known

    def inverse_depth(self, images: Tensor) -> Tensor:
        return next(inverse for image, inverse in self.known if torch.equal(image, images[0]))[None]


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Drive:
    folder = tmp_path_factory.mktemp("streets") / "set"
    words = "--train 1 --val 0 --test 0 --frames 8 --size 192 640 --fov-deg 80 --processes 1 --seed 3"
    main(["data", "render", "--out", str(folder), *words.split()])
    return open_drives(folder, "train")[0]


@pytest.fixture(scope="module")
def distorted(street: Drive) -> StandIn:
    """True depth to the power of .8, some units of it a metre, with errors as smooth as networks make them."""
    known = []
    for frame in street.frames:
        true = torch.from_numpy(street.read_depth(frame))
        true = torch.where(true > 0, true, 200.0)
        coarse = torch.randn(1, 1, 4, 12, generator=torch.Generator().manual_seed(frame))
        error = torch.nn.functional.interpolate(coarse, true.shape, mode="bicubic")[0, 0]
        known.append((street.read_tensor(frame), 7.3 / true**0.8 * (0.07 * error).exp()))
    return StandIn(known)


def driven(drive: Drive, earlier: int, later: int) -> float:
    return float(np.linalg.norm(drive.read_pose(later)[:3, 3] - drive.read_pose(earlier)[:3, 3]))


def factor_of(found: Found) -> float:
    assert sum(value is not None for _, value in found) >= 4
    return combined(gathered(found), 0.0).factor


def test_the_motion_between_two_frames_is_seen(street: Drive) -> None:
    for first, second in ((0, 1), (3, 4), (6, 5)):
        found = motion_between(street.read_image(first), street.read_image(second), street.camera)
        assert found is not None
        true = np.linalg.inv(street.read_pose(second)) @ street.read_pose(first)
        turn = found[:3, :3].numpy() @ true[:3, :3].T
        assert math.degrees(math.acos(min(1.0, (np.trace(turn) - 1) / 2))) < 0.15
        direction = true[:3, 3] / np.linalg.norm(true[:3, 3])
        assert math.degrees(math.acos(min(1.0, found[:3, 3].numpy() @ direction))) < 3


def test_a_distorted_depth_has_the_same_factor_by_every_way(street: Drive, distorted: StandIn) -> None:
    true = factor_of(by_depth(distorted, [street], 200))
    pairs = driven_pairs(
        [street], 1, lambda drive: lambda a, b: driven(drive, a, b), lambda _: lambda frame: frame / 10
    )
    assert len(pairs) == 7
    assert factor_of(by_distance_driven(distorted, pairs, 200)) == pytest.approx(true, rel=0.05)
    height_m = -float(street.read_pose(0)[1, 3])
    # A metre of motion shows little parallax of a plain road.
    by_road, moved = by_height(distorted, neighbours([street], 1), height_m, 200)
    assert factor_of(by_road) == pytest.approx(true, rel=0.1)
    ratios = [metres / driven(drive, frame, frame + apart) for drive, frame, apart, metres in moved]
    assert len(ratios) >= 4
    assert np.median(ratios) == pytest.approx(1, rel=0.1)
    assert factor_of(by_baseline(distorted, [street], 200)) == pytest.approx(true, rel=0.05)


def test_of_two_frames_that_one_is_looked_at_whose_scene_is_in_the_other(street: Drive, distorted: StandIn) -> None:
    """The farther one ahead, either way round; the near road at the lower edge is found again then."""
    for frame, apart in ((2, 1), (3, -1)):
        pair = moving_pair(distorted, street, frame, apart)
        assert pair is not None
        ahead = distorted.inverse_depth(street.read_tensor(3)[None])
        height, width = pair.depth.shape
        torch.testing.assert_close(pair.depth, 1 / at_size(ahead, (height, width))[0])
        assert pair.factors.is_sure[-10:].float().mean() > 0.2


def test_frames_of_a_camera_that_stands_or_of_two_places_have_no_motion(street: Drive, distorted: StandIn) -> None:
    assert moving_pair(distorted, street, 2, 0) is None
    elsewhere = street.read_image(2)[:, ::-1].copy()
    assert motion_between(street.read_image(1), elsewhere, street.camera) is None


def test_kitti_is_measured_as_its_lidar_measures_it(real_data: Path) -> None:
    """A road with a wall behind it for a model: what is found hardly depends on it, the scene does the rest."""
    drives = open_drives(real_data / "kitti_raw", "train")
    drive = select_drives(drives, ("*0001*image_02",))[0]
    height, width = drive.size
    rows = (torch.arange(height) + 0.5) / height - drive.camera.centre[1]
    depth = (1.65 * drive.camera.focal[1] / rows.clamp(min=0.03)).clamp(max=40)[:, None].expand(height, width)
    inverse = (11.0 / depth).contiguous()
    model = StandIn([(drive.read_tensor(frame), inverse) for frame in range(5)])
    true = truth_factor(inverse, drive.read_depth(2))
    pair = stereo_pair(model, drive, 2)
    assert image_factor(pair.factors, pair.depth, 80.0) == pytest.approx(true, rel=0.05)
    pair = moving_pair(model, drive, 1, 1)
    assert pair is not None
    metres = 13.1 * 0.1031  # by oxts, and the camera's clock
    found = image_factor(pair.factors, pair.depth, 80 / metres)
    assert found is not None
    assert found * metres == pytest.approx(true, rel=0.05)
