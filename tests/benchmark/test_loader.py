import pytest
from PIL import Image

from egodepth.benchmark.loader import Cost, LoaderCosts, measure_index, measure_loader, synthetic_jpegs


@pytest.fixture(scope="module")
def costs() -> LoaderCosts:
    return measure_loader(size=(64, 224), samples=9, repeats=2)


def test_every_way_is_measured_over_whole_batches(costs):
    assert (costs.samples, costs.repeats, costs.device_name) == (8, 2, "cpu")
    for cost in (costs.common, costs.jpeg, costs.jpeg_uncached, costs.store, costs.store_again, costs.device):
        assert 0 < cost.lowest <= cost.median <= cost.highest


def test_what_is_decoded_once_costs_less_than_what_is_decoded_always(costs):
    # Far apart, so that a busy machine does not turn them around: 2.5 times, and 5 times.
    assert costs.store.lowest < costs.jpeg.lowest < costs.jpeg_uncached.lowest < costs.common.lowest


def test_ratios_are_those_of_the_medians():
    cost = {name: Cost(value, 0.0, 99.0) for name, value in (("common", 60.0), ("store", 1.0), ("device", 2.0))}
    costs = LoaderCosts(
        8, 2, jpeg=cost["store"], jpeg_uncached=cost["store"], store_again=cost["store"], device_name="cpu", **cost
    )
    assert costs.ratio(costs.store) == 20
    assert costs.ratio(costs.store, jitter=False) == 60


def test_an_index_of_many_samples_is_opened_at_once_and_takes_no_memory():
    costs = measure_index(10**8)
    assert costs.samples == 10**8
    assert costs.open_s < 1
    assert costs.resident_mb < 200
    assert costs.batch_us < 20_000
    assert costs.process_mb > costs.resident_mb


def test_synthetic_frames_are_as_large_as_kittis(tmp_path):
    folder = synthetic_jpegs(tmp_path / "clip", 3)
    files = sorted(folder.iterdir())
    assert len(files) == 3
    assert all(120_000 < file.stat().st_size < 250_000 for file in files)
    with Image.open(files[0]) as image:
        assert (image.size, image.mode) == ((1242, 375), "RGB")
