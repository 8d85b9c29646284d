"""The plain twin says what the method says, the long way."""

import copy

import torch

from benchmarks.step import random_frames
from benchmarks.twin import PlainTwin
from egodepth.config import DataConfig, ModelConfig, TrainConfig
from egodepth.data.samples.augment import draw, to_batch
from egodepth.objective import build_objective


def test_the_twin_has_the_same_loss_and_the_same_gradients() -> None:
    torch.manual_seed(0)
    config = TrainConfig(data=DataConfig(size=(64, 96), flip=0.0, jitter=0.0), model=ModelConfig(pose="posecnn"))
    objective = build_objective(config).eval()
    assert objective.pose_net is not None
    twin = PlainTwin(copy.deepcopy(objective.depth_net), copy.deepcopy(objective.pose_net), config).eval()
    raw = random_frames((64, 96), 2, torch.device("cpu"))
    batch, _ = to_batch(raw, draw(0, 0, 2, config.data), stereo=False)
    losses = objective(batch)
    loss = twin(batch)
    torch.testing.assert_close(loss, losses["loss"], rtol=1e-4, atol=1e-6)
    losses["loss"].backward()
    loss.backward()
    for ours, plain in ((objective.depth_net, twin.depth_net), (objective.pose_net, twin.pose_net)):
        own = {name: p.grad for name, p in ours.named_parameters()}
        for name, parameter in plain.named_parameters():
            found, expected = parameter.grad, own[name]
            # Sums over all pixels of slopes that jump between pixels: equal but for a few of them.
            assert (found - expected).norm() < 0.02 * expected.norm() + 1e-7, name
