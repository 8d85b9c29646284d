import pytest
from PIL import Image

from benchmarks import loader
from benchmarks.figures import Figure
from benchmarks.index import IndexCosts
from benchmarks.loader import LoaderCosts, measure_loader, measure_samples, synthetic_jpegs


@pytest.fixture(scope="module")
def costs() -> LoaderCosts:
    return measure_samples(size=(64, 224), samples=9, repeats=2)


def test_every_way_is_measured_and_named(costs):
    assert (costs.common.name[:14], costs.store_again.name) == ("the common way", "from a store, later")
    assert costs.device.name == "to float, flip, jitter on cpu"
    for cost in costs:
        assert 0 < cost.low <= cost.median <= cost.high
        assert cost.unit == "ms/sample"


def test_what_is_decoded_once_costs_less_than_what_is_decoded_always(costs):
    # Far apart, so that a busy machine does not turn them around: 2.5 times, and 5 times.
    assert costs.store.low < costs.jpeg.low < costs.jpeg_uncached.low < costs.common.low


def test_ratios_are_those_of_the_medians():
    costs = LoaderCosts(*(Figure("x", "ms/sample", median, 0.0, 99.0) for median in (60.0, 1.0, 1.0, 1.0, 1.0, 2.0)))
    assert costs.ratio(costs.store) == 20
    assert costs.ratio(costs.store, jitter=False) == 60


def test_the_result_holds_samples_and_index_against_their_marks(costs, monkeypatch):
    monkeypatch.setattr(loader, "measure_samples", lambda *_, **__: costs)
    monkeypatch.setattr(loader, "measure_index", lambda _: IndexCosts(10**8, 0.1, 500.0, 50.0, 400.0))
    result = measure_loader((192, 640), 5, "cpu")
    assert result.figures[: len(costs)] == costs
    assert [figure.median for figure in result.figures[len(costs) :]] == [0.1, 500.0, 50.0]
    assert [ratio.value for ratio in result.ratios[-2:]] == [0.1, 50.0]
    assert all(ratio.reached for ratio in result.ratios[-2:])


def test_synthetic_frames_are_as_large_as_kittis(tmp_path):
    folder = synthetic_jpegs(tmp_path / "clip", 3)
    files = sorted(folder.iterdir())
    assert len(files) == 3
    assert all(120_000 < file.stat().st_size < 250_000 for file in files)
    with Image.open(files[0]) as image:
        assert (image.size, image.mode) == ((1242, 375), "RGB")
