from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from egodepth.config import DataConfig
from egodepth.data.opening import open_drives, training_samples
from egodepth.data.sample_index import EpochOrder, FrameRuns, SampleIndex
from egodepth.data.samples.loader import batches_from
from egodepth.data.samples.sampler import RawBatch, TrainBatches, epoch_order
from egodepth.data.storage.store import FrameStore
from egodepth.foundation.errors import InputError
from egodepth.geometry import Camera

Make = Callable[..., TrainBatches]


@pytest.fixture
def make_dataset(make_clip, tmp_path: Path) -> Make:
    def make(
        frames: int = 9, bad: tuple[int, ...] = (), stereo: bool = False, batch_size: int = 3, seed: int = 0, **set_
    ) -> TrainBatches:
        folder = tmp_path / "clip"
        if not folder.exists():
            make_clip(folder, frames, partner=True)
        for frame in bad:
            (folder / f"{frame:06d}.png").write_bytes(b"damaged")
        drives = open_drives(folder)
        samples = training_samples(drives, (-1, 1), stereo)
        return TrainBatches(
            FrameStore(drives, (64, 96)), samples, DataConfig(stereo=stereo), batch_size, seed, **{"steps": 6} | set_
        )

    return make


def assert_equal(found: RawBatch, expected: RawBatch) -> None:
    assert found.hints is None
    for name, left, right in zip(RawBatch._fields[:-1], found[:-1], expected[:-1], strict=True):
        assert torch.equal(left, right), name


def test_a_step_is_the_same_whenever_it_is_asked(make_dataset):
    forwards, backwards = make_dataset(), make_dataset()
    steps = [forwards.indices(step) for step in range(6)]
    assert [backwards.indices(step) for step in reversed(range(6))] == steps[::-1]
    assert_equal(forwards[4], backwards[4])


def test_another_seed_gives_another_order(make_dataset):
    first, second = (make_dataset(seed=seed, batch_size=7).indices(0) for seed in (0, 1))
    assert first != second
    assert sorted(first) == sorted(second)


def test_an_epoch_visits_every_sample_once_and_a_batch_may_span_two(make_dataset):
    dataset = make_dataset(batch_size=4, steps=7)
    visits = [index for step in range(7) for index in dataset.indices(step)]
    epochs = [visits[7 * epoch : 7 * (epoch + 1)] for epoch in range(4)]
    assert all(sorted(epoch) == list(range(7)) for epoch in epochs)
    assert epochs == [epoch_order(0, epoch, 7).tolist() for epoch in range(4)]
    assert epochs[0] != epochs[1]


def test_a_batch_larger_than_the_data_set_repeats_it_evenly(make_dataset):
    assert set(Counter(make_dataset(batch_size=14).indices(0)).values()) == {2}


def test_a_batch_holds_target_neighbours_and_partner_in_that_order(make_dataset):
    dataset = make_dataset(stereo=True)
    batch, drive = dataset[2], dataset.store.drives[0]
    for row, index in enumerate(dataset.indices(2)):
        frame = dataset.samples[index][1]
        views = [drive.read_image(frame + offset) for offset in (0, -1, 1)]
        np.testing.assert_array_equal(batch.images[row].numpy(), [*views, drive.read_image(frame, partner=True)])
    assert torch.equal(batch.focal, drive.camera.focal.expand(3, 2))
    assert torch.equal(batch.centre, drive.camera.centre.expand(3, 2))
    assert torch.equal(batch.partner_focal, drive.partner_camera.focal.expand(3, 2))
    assert torch.equal(batch.partner_from_target, torch.from_numpy(drive.partner_from_self).expand(3, 4, 4))


def test_of_a_lone_pair_the_target_stands_in_for_the_missing_neighbours(make_dataset):
    dataset = make_dataset(frames=4, stereo=True, batch_size=4)
    assert dataset[0].present.shape == (4, 0)
    drives, config = dataset.store.drives, DataConfig(stereo=True, lone_pairs=True)
    samples = training_samples(drives, (-1, 1), stereo=True, lone_pairs=True)
    batches = TrainBatches(dataset.store, samples, config, 4, seed=0, steps=1)
    batch, drive = batches[0], drives[0]
    for row, index in enumerate(batches.indices(0)):
        frame = samples[index][1]
        assert batch.present[row].tolist() == [frame > 0, frame < 3]
        for view, neighbour in zip(batch.images[row, 1:3], (max(frame - 1, 0), min(frame + 1, 3)), strict=True):
            np.testing.assert_array_equal(view.numpy(), drive.read_image(neighbour))


def test_without_stereo_the_partners_fields_are_zero(make_dataset):
    batch = make_dataset()[0]
    assert batch.images.shape == (3, 3, 64, 96, 3)
    assert batch.images.dtype == torch.uint8
    assert not any(value.any() for value in batch[3:-1])


def test_the_number_of_workers_does_not_matter(make_dataset):
    alone = list(batches_from(make_dataset(bad=(4,)), 0, 0, pin=False))
    shared = list(batches_from(make_dataset(bad=(4,)), 0, 2, pin=False))
    assert len(alone) == len(shared) == 6
    for left, right in zip(alone, shared, strict=True):
        assert_equal(left, right)


def test_a_run_that_goes_on_sees_what_an_unbroken_one_sees(make_dataset):
    whole = list(batches_from(make_dataset(), 0, 0, pin=False))
    rest = list(batches_from(make_dataset(), 4, 0, pin=False))
    assert len(rest) == 2
    for left, right in zip(rest, whole[4:], strict=True):
        assert_equal(left, right)


def test_a_sample_with_a_bad_frame_gives_way_to_the_next_good_one(make_dataset):
    dataset = make_dataset(bad=(4,), batch_size=7)
    assert [frame for _, frame in dataset.samples] == [1, 2, 3, 4, 5, 6, 7]
    drive, batch = dataset.store.drives[0], dataset[0]
    for row, index in enumerate(dataset.indices(0)):
        frame = dataset.samples[index][1]
        stand_in = 6 if frame in (3, 4, 5) else frame
        np.testing.assert_array_equal(batch.images[row, 0].numpy(), drive.read_image(stand_in))
    assert [bad.frame for bad in dataset.store.bad_frames()] == [4]


def test_after_the_last_sample_comes_the_first(make_dataset):
    dataset = make_dataset(bad=(8,), batch_size=7)
    batch, row = dataset[0], dataset.indices(0).index(6)
    np.testing.assert_array_equal(batch.images[row, 0].numpy(), dataset.store.drives[0].read_image(1))


@pytest.mark.parametrize("workers", [0, 1])
def test_nothing_but_bad_frames_is_an_error_that_names_one(make_dataset, workers):
    dataset = make_dataset(frames=5, bad=(1, 2, 3))
    with pytest.raises(InputError, match=r"too many unreadable frames.*00000\d\.png: not a readable image"):
        next(batches_from(dataset, 0, workers, pin=False))


def test_the_papers_average_camera_and_nominal_baseline_take_the_place_of_the_true_ones(make_dataset):
    dataset = make_dataset(stereo=True)
    dataset.config = DataConfig(size=(64, 96), stereo=True, camera="kitti_average", nominal_baseline_m=0.54)
    batch, true = dataset[0], make_dataset(stereo=True)[0]
    pixels = Camera(batch.focal, batch.centre).to_pixels((64, 96))
    expected = torch.tensor([[0.58 * 96, 0, 48], [0, 1.92 * 64, 32], [0, 0, 1]])
    torch.testing.assert_close(pixels, expected.expand(3, 3, 3))
    assert torch.equal(batch.partner_focal, batch.focal)
    assert torch.equal(batch.partner_centre, batch.centre)
    torch.testing.assert_close(batch.partner_from_target[:, :3, 3], true.partner_from_target[:, :3, 3] * 0.54 / 0.5)
    assert torch.equal(batch.partner_from_target[:, :3, :3], true.partner_from_target[:, :3, :3])


def test_an_epoch_of_few_samples_has_the_order_of_recorded_runs():
    order = EpochOrder(3, 5, 1000).at(np.arange(1000))
    np.testing.assert_array_equal(order, np.random.default_rng([3, 5]).permutation(1000))
    np.testing.assert_array_equal(EpochOrder(3, 5, 1000).at(np.array([999, 0])), order[[999, 0]])


@pytest.mark.parametrize("samples", [1, 2, 3, 5, 64, 65, 1000, 4095, 4097])
def test_without_a_table_too_every_sample_comes_once(samples):
    order = EpochOrder(0, 1, samples, table_limit=0)
    found = order.at(np.arange(samples))
    np.testing.assert_array_equal(np.sort(found), np.arange(samples))
    places = np.array([samples - 1, samples // 2])
    np.testing.assert_array_equal(order.at(places), found[places])


def test_without_a_table_the_order_depends_on_seed_and_epoch_and_is_balanced():
    samples, places = 10_000, np.arange(10_000)
    order = EpochOrder(0, 0, samples, table_limit=0).at(places)
    for other in (EpochOrder(0, 1, samples, table_limit=0), EpochOrder(1, 0, samples, table_limit=0)):
        assert (other.at(places) == order).mean() < 0.001
    # Of a random order: every tenth of the epoch draws from every tenth of the samples alike, neighbours have nothing
    # in common. A deviation of 5 standard deviations would be chance once in a million.
    counts = np.histogram2d(places, order, bins=10)[0]
    assert np.abs(counts - 100).max() < 5 * 10
    assert abs(np.corrcoef(order[1:], order[:-1])[0, 1]) < 5 / 100
    firsts = [int(EpochOrder(0, epoch, samples, table_limit=0).at(np.array([0]))[0]) for epoch in range(400)]
    assert abs(np.mean(firsts) / samples - 0.5) < 5 * 0.289 / 20


def test_an_order_of_a_hundred_million_is_asked_for_single_places():
    order = EpochOrder(0, 0, 10**8)
    found = order.at(np.arange(0, 10**8, 10**4))
    assert len(set(found.tolist())) == 10**4
    assert 0 <= found.min() < 10**5
    assert 10**8 - 10**5 < found.max() < 10**8


def test_an_index_holds_the_samples_as_they_were_given(tmp_path):
    for samples in ([], [(0, 3)], [(0, 3), (0, 4), (1, 5), (1, 7), (1, 8), (0, 9), (0, 2)]):
        index = SampleIndex.of(samples)
        assert (list(index), len(index)) == (samples, len(samples))
    assert index.first.tolist() == [0, 2, 3, 5, 6, 7]  # five runs and the end
    assert (index[-1], index[1:3]) == ((0, 2), [(0, 4), (1, 5)])
    assert SampleIndex.of(index) is index
    index.save(tmp_path)
    assert list(SampleIndex.open(tmp_path)) == list(index)
    with pytest.raises(IndexError):
        index[7]


def test_a_damaged_index_of_samples_is_an_error(tmp_path):
    with pytest.raises(InputError, match="no readable index"):
        SampleIndex.open(tmp_path)
    SampleIndex.of([(0, 1)]).save(tmp_path)
    np.save(tmp_path / "drive.npy", np.zeros(3))
    with pytest.raises(InputError, match="not an index"):
        SampleIndex.open(tmp_path)


def test_an_index_given_to_the_data_set_serves_as_the_list_does(make_dataset):
    dataset = make_dataset()
    again = TrainBatches(dataset.store, SampleIndex.of(list(dataset.samples)), dataset.config, 3, seed=0, steps=6)
    assert_equal(again[2], dataset[2])


def test_frames_have_the_slots_of_their_order():
    numbers = [[5, 6, 8], [], range(100, 103), [0, 2, 4, 5]]
    runs = FrameRuns(numbers)
    expected = [(drive, frame) for drive, frames in enumerate(numbers) for frame in frames]
    assert len(runs) == 10
    assert [runs.frame(slot) for slot in range(10)] == expected
    assert [runs.slot(drive, frame) for drive, frame in expected] == list(range(10))
    assert [runs.slot(*missing) for missing in ((0, 4), (0, 7), (0, 9), (1, 5), (2, 99), (2, 103), (3, 3))] == [
        None
    ] * 7
    assert [runs.slots(drive) for drive in range(4)] == [range(3), range(3, 3), range(3, 6), range(6, 10)]
    assert [runs.runs(drive) for drive in range(4)] == [[[5, 2], [8, 1]], [], [[100, 3]], [[0, 1], [2, 1], [4, 2]]]
