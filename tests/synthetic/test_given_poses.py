"""Trainings that take the neighbours' poses from a rendered set instead of learning them."""

from pathlib import Path

import pytest
import torch

from egodepth.commands.data_render import Render
from egodepth.config import DataConfig, LossConfig, ModelConfig, TrainConfig, TrainerConfig
from egodepth.data.opening import open_drives, training_samples
from egodepth.data.samples.augment import draw, to_batch
from egodepth.data.samples.sampler import TrainBatches
from egodepth.data.storage.store import FrameStore
from egodepth.foundation.errors import InputError
from egodepth.geometry import synthesise
from egodepth.inference.predictor import DepthPredictor
from egodepth.training.train import train

SIZE = (64, 192)


@pytest.fixture(scope="module")
def streets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("given") / "set"
    Render(out=root, train=1, val=1, test=0, frames=3, size=SIZE, processes=1)()
    return root


def a_config(path: Path, **changes: object) -> TrainConfig:
    return TrainConfig(
        data=DataConfig(path=(str(path),), size=SIZE, poses="given"),
        model=ModelConfig(encoder="test_resnet", min_depth=1.0, initial_disparity=0.1),
        trainer=TrainerConfig(steps=2, batch_size=1, device="cpu"),
        **changes,
    )


@pytest.mark.parametrize("flip", [0.0, 1.0])
def test_given_poses_carry_neighbours_onto_the_target(streets: Path, flip: float) -> None:
    config = a_config(streets).data
    (drive,) = open_drives(streets, "train")
    batches = TrainBatches(
        FrameStore([drive], SIZE), training_samples([drive], (-1, 1), False), config, batch_size=1, seed=0, steps=1
    )
    raw = batches[0]
    assert not isinstance(raw, InputError)
    batch, _ = to_batch(raw, draw(0, 0, 1, DataConfig(flip=flip, jitter=0.0)), stereo=False)
    depth = torch.from_numpy(drive.read_depth(1))[None]
    depth = depth.flip(-1) if flip else depth
    masks = drive.read_masks(1)
    seen = (depth > 0) & ~torch.from_numpy(masks["moving"] | masks["occluded"]).flip(-1 if flip else ())
    assert len(batch.rig) == 2
    for view, pose in batch.rig:
        motion = pose.clone()
        error = []
        for share in (1.0, 0.5):
            motion[:, :3, 3] = share * pose[:, :3, 3]
            warped = synthesise(view.image, depth, motion, batch.target.camera, view.camera)
            error.append((warped - batch.target.image).abs().mean(1)[seen].mean())
        assert error[0] < 0.75 * error[1]


def test_a_training_with_given_poses_has_no_pose_network_and_says_metres(streets: Path, tmp_path: Path) -> None:
    train(a_config(streets), tmp_path / "run")
    card = DepthPredictor.load(tmp_path / "run").model.card
    assert (card.metric, card.has_pose_net) == (True, False)


def test_a_data_set_without_poses_is_refused_before_the_run_folder_is_made(make_clip, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip", size=(64, 96))
    with pytest.raises(InputError, match="no camera poses"):
        train(a_config(clip), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_median_scaling_is_for_poses_that_are_learned(streets: Path) -> None:
    with pytest.raises(InputError, match="depth_scaling"):
        a_config(streets, loss=LossConfig(depth_scaling="median"))
