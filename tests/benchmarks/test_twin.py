"""The step by the plain formula has the loss and the gradients of the step as it trains."""

import torch

from benchmarks.step import random_frames
from benchmarks.twin import PlainTwin
from egodepth.config import DataConfig, ModelConfig, TrainConfig
from egodepth.data.samples.augment import draw, to_batch
from egodepth.objective import build_objective


def test_the_plain_formula_has_the_loss_and_the_gradients_of_the_fused_twin() -> None:
    torch.manual_seed(0)
    config = TrainConfig(data=DataConfig(size=(64, 96), flip=0.0, jitter=0.0), model=ModelConfig(pose="posecnn"))
    twin = PlainTwin(config)
    twin.objective.eval()
    objective = build_objective(config).eval()
    objective.load_state_dict(twin.objective.state_dict())
    raw = random_frames((64, 96), 2, torch.device("cpu"))
    batch, _ = to_batch(raw, draw(0, 0, 2, config.data), stereo=False)
    loss, plain = objective(batch)["loss"], twin.loss(batch)
    torch.testing.assert_close(plain, loss, rtol=1e-4, atol=1e-6)
    loss.backward()
    plain.backward()
    own = {name: p.grad for name, p in objective.named_parameters()}
    for name, parameter in twin.objective.named_parameters():
        found, expected = parameter.grad, own[name]
        # Sums over all pixels of slopes that jump between pixels: equal but for a few of them.
        assert (found - expected).norm() < 0.02 * expected.norm() + 1e-7, name
