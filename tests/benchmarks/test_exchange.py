import pytest
import torch

from benchmarks import measuring
from benchmarks.exchange import Load, measure_exchange
from benchmarks.figures import Result
from egodepth.commands.benchmark import Benchmark
from egodepth.config import TrainConfig
from egodepth.objective import build_objective


@pytest.fixture(scope="module")
def measured():
    return measure_exchange((64, 64), 1, repeats=2, encoder="test_resnet")


def test_gradients_and_statistics_are_exchanged_and_held_against_a_step(measured) -> None:
    median = {figure.name: figure.median for figure in measured.figures}
    assert min(figure.low for figure in measured.figures) > 0
    megabytes, took, rate = (
        median[name] for name in ("gradients", "exchange of the gradients", "rate of that exchange")
    )
    # Of two repeats the median is the mean, and the mean of rates is at least the rate of the mean time.
    assert rate >= megabytes / took * 0.999
    (shared,) = (figure for figure in measured.figures if figure.name.startswith("exchange of the statistics"))
    count = int(shared.name.split("(")[1].split()[0])
    assert median["latency of one sum"] == pytest.approx(1e6 * shared.median / count)
    step = next(figure for figure in measured.figures if figure.name.startswith("a step"))
    share = next(figure for figure in measured.figures if figure.unit == "%")
    assert 100 * (took + shared.median) / step.high <= share.median * 1.001
    assert share.median <= 100 * (took + shared.median) / step.low * 1.001


def test_conditions_say_what_was_exchanged_by_whom(measured) -> None:
    assert "2 processes of one thread, gloo over loopback" in measured.conditions
    assert "64x64, batch 1, torch " in measured.conditions


def test_the_default_networks_exchange_every_parameter_and_four_sums_a_normalisation() -> None:
    network = build_objective(TrainConfig())
    load = Load.of(network)
    assert load.parameters == sum(value.numel() for value in network.parameters()) == 26_828_186
    assert len(load.channels) == 40
    assert set(load.channels) == {64, 128, 256, 512}
    for value in network.parameters():
        value.requires_grad_(False)
    assert Load.of(network).parameters == 0
    assert Load.of(torch.nn.Sequential(torch.nn.Conv2d(1, 2, 1), torch.nn.BatchNorm2d(2))) == Load(6 + 2, (2,))


def test_the_command_passes_on_size_batch_and_repeats(monkeypatch, capsys) -> None:
    monkeypatch.setattr(measuring, "measure_exchange", lambda *given: Result("Exchange", f"given {given}", ()))
    Benchmark("exchange", size=(64, 96), batch_size=2, repeats=3)()
    assert "given ((64, 96), 2, 3)." in capsys.readouterr().out
