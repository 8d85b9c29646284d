import pytest
import torch

from egodepth.networks import DepthNet
from egodepth.training.statistics import with_statistics_of


@pytest.fixture(scope="module")
def network() -> DepthNet:
    torch.manual_seed(0)
    return DepthNet("resnet18", pretrained=False)


def test_the_statistics_are_those_of_the_images_and_the_weights_stay(network: DepthNet) -> None:
    before = {name: value.clone() for name, value in network.state_dict().items()}
    images = 0.2 + 0.1 * torch.rand(6, 3, 64, 96)
    measured = with_statistics_of(network, [images[:3], images[3:]])
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    for name, value in measured.named_parameters():
        assert torch.equal(value, before[name])
    # The first layer's statistics by hand: the mean of both batches' means and unbiased variances.
    with torch.no_grad():
        encoder = network.encoder
        first = next(m for m in encoder.modules() if isinstance(m, torch.nn.Conv2d))
        own = next(m for m in measured.encoder.modules() if isinstance(m, torch.nn.BatchNorm2d))
        inputs: list[torch.Tensor] = []
        handle = first.register_forward_hook(lambda _, __, output: inputs.append(output))
        network.eval()(images[:3])
        network(images[3:])
        handle.remove()
    torch.testing.assert_close(own.running_mean, torch.stack([x.mean((0, 2, 3)) for x in inputs]).mean(0))
    torch.testing.assert_close(own.running_var, torch.stack([x.var((0, 2, 3)) for x in inputs]).mean(0))


def test_it_is_ready_for_use_and_would_train_on_as_before(network: DepthNet) -> None:
    measured = with_statistics_of(network, [torch.rand(2, 3, 64, 96)])
    assert not measured.training
    norms = [m for m in measured.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert {norm.momentum for norm in norms} == {0.1}
    assert not torch.equal(norms[0].running_mean, torch.zeros_like(norms[0].running_mean))
