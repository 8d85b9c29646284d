from pathlib import Path

import numpy as np
import pytest
import torch

from egodepth.config import DataConfig
from egodepth.data.drive import Drive
from egodepth.data.opening import training_samples
from egodepth.data.samples import resident as resident_module
from egodepth.data.samples.loader import batches_from
from egodepth.data.samples.resident import ResidentFrames, free_memory
from egodepth.data.samples.sampler import RawBatch, TrainBatches
from egodepth.data.storage.store import FrameStore
from egodepth.foundation.errors import InputError
from egodepth.geometry import Camera

SIZE, CPU = (64, 96), torch.device("cpu")
MODES = {
    "M": {},
    "S": {"offsets": (), "stereo": True},
    "MS": {"stereo": True},
    "MS, two and three away": {"stereo": True, "offsets": (-3, 2)},
    "lone pairs": {"stereo": True, "lone_pairs": True},
}


class NoiseDrive(Drive):
    """Two runs of frames; 3 and the partners of 12 and 13 are missing, 6 and the partner of 14 are bad."""

    def __init__(self, name: str, decoded: list[tuple[str, int, bool]]) -> None:
        self.name, self.frames, self.size, self.decoded = name, [*range(8), *range(10, 17)], (32, 48), decoded
        self.frames.remove(3)
        self.camera = self.partner_camera = Camera(torch.tensor([0.6, 0.9]), torch.tensor([0.5, 0.5]))
        self.partner_from_self = np.eye(4, dtype=np.float32)

    @property
    def partner_frames(self) -> list[int]:
        return [frame for frame in self.frames if frame not in (12, 13)]

    def read_image(self, frame: int, partner: bool = False) -> np.ndarray:
        self.decoded.append((self.name, frame, partner))
        if (frame, partner) in ((6, False), (14, True)) or (partner and not self.has_partner(frame)):
            raise InputError(f"{self.name}/{frame}.png: not a readable image")
        seed = [frame, partner, len(self.name)]
        return np.random.default_rng(seed).integers(0, 256, (*self.size, 3), np.uint8)


def a_dataset(
    folder: Path | None = None, decoded: list[tuple[str, int, bool]] | None = None, **settings: object
) -> TrainBatches:
    config = DataConfig(size=SIZE, **settings)
    drives: list[Drive] = [NoiseDrive(name, [] if decoded is None else decoded) for name in ("a", "other")]
    samples = training_samples(drives, config.offsets, config.stereo, config.lone_pairs)
    store = FrameStore(drives, SIZE, folder=folder, partner=config.stereo)
    return TrainBatches(store, samples, config, batch_size=5, seed=3, steps=12)


def on_device(dataset: TrainBatches) -> ResidentFrames:
    frames = ResidentFrames.copied(dataset.store, dataset.samples, dataset.config, CPU)
    dataset._read = frames.slots.read
    return frames


def assert_equal(found: RawBatch, expected: RawBatch) -> None:
    assert found.hints is None
    for name, left, right in zip(RawBatch._fields[:-1], found[:-1], expected[:-1], strict=True):
        assert left.dtype == right.dtype, name
        assert torch.equal(left, right), name


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("mode", MODES)
def test_batches_gathered_on_the_device_are_those_of_the_plain_way(mode, workers):
    plain = list(batches_from(a_dataset(**MODES[mode]), 0, 0, pin=False))
    dataset = a_dataset(**MODES[mode])
    assert len(dataset) * dataset.batch_size > 2 * len(dataset.samples)
    frames = on_device(dataset)
    for start in (0, 7):
        handed = list(batches_from(dataset, start, workers, pin=False))
        assert all(batch.images.dtype == torch.int64 and batch.images.ndim == 2 for batch in handed)
        assert len(handed) == 12 - start
        for batch, expected in zip(handed, plain[start:], strict=True):
            assert_equal(frames.filled(batch), expected)


@pytest.mark.parametrize("mode", MODES)
def test_only_the_frames_of_samples_are_read_and_each_once(mode):
    decoded: list[tuple[str, int, bool]] = []
    dataset = a_dataset(decoded=decoded, **MODES[mode])
    frames, config = on_device(dataset), dataset.config
    names = [drive.name for drive in dataset.store.drives]
    expected = {(names[d], f + o, False) for d, f in dataset.samples for o in (0, *config.offsets)}
    expected = {(name, frame, _) for name, frame, _ in expected if dataset.store.has(names.index(name), frame)}
    expected |= {(names[d], f, True) for d, f in dataset.samples if config.stereo}
    assert len(frames.images) == len(decoded)
    assert set(decoded) == expected
    list(batches_from(dataset, 0, 0, pin=False))
    assert len(frames.images) == len(decoded)


def test_bad_frames_are_known_before_the_first_step():
    dataset = a_dataset(stereo=True)
    on_device(dataset)
    found = [(bad.drive, bad.frame, bad.partner) for bad in dataset.store.bad_frames()]
    assert found == [("a", 6, False), ("other", 6, False), ("a", 14, True), ("other", 14, True)]


def test_a_prepared_store_is_only_read(tmp_path: Path):
    plain = a_dataset(stereo=True)
    on_device(a_dataset(tmp_path, stereo=True))
    decoded: list[tuple[str, int, bool]] = []
    dataset = a_dataset(tmp_path, decoded, stereo=True)
    decoded.clear()  # opening the store compares some
    frames = on_device(dataset)
    assert {(frame, partner) for _, frame, partner in decoded} == {(6, False), (14, True)}
    assert_equal(frames.filled(dataset[4]), plain[4])


def test_more_frames_than_are_copied_in_one_go_keep_their_places(monkeypatch):
    monkeypatch.setattr(resident_module, "_TOGETHER", 7)
    dataset, plain = a_dataset(stereo=True), a_dataset(stereo=True)
    frames = on_device(dataset)
    assert len(frames.images) % 7
    for step in range(12):
        assert_equal(frames.filled(dataset[step]), plain[step])


def test_single_frames_are_those_of_the_store():
    dataset, store = a_dataset(stereo=True), a_dataset(stereo=True).store
    frames = on_device(dataset)
    for place in ((0, 5), (1, 11), (1, 11, True)):
        np.testing.assert_array_equal(frames.read(*place), store.read(*place))
    for read in (frames.read, store.read):
        with pytest.raises(InputError, match=r"other/6\.png: not a readable image"):
            read(1, 6)
        with pytest.raises(KeyError, match="frame 3"):
            read(1, 3)


def test_nothing_but_bad_frames_is_the_error_of_the_plain_way():
    plain, dataset = (a_dataset() for _ in range(2))
    for each in (plain, dataset):
        each.samples = each.samples.of([(0, 5), (1, 7)][:1])
    on_device(dataset)
    errors = [each[0] for each in (plain, dataset)]
    assert all(isinstance(error, InputError) for error in errors)
    assert str(errors[0]) == str(errors[1])


def set_free_memory(monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    monkeypatch.setattr(resident_module, "free_memory", lambda device: free)


@pytest.mark.parametrize(("spare", "fits"), [(0, True), (-1, False)])
def test_the_frames_may_take_half_of_the_free_memory(monkeypatch, spare, fits):
    dataset = a_dataset()
    needed = len(on_device(dataset).images) * 64 * 96 * 3
    set_free_memory(monkeypatch, 2 * needed + spare)
    if fits:
        on_device(dataset)
    else:
        with pytest.raises(
            InputError, match=r"frames need 0\.0 GB, .*'cpu' \(0\.0 GB\) is for frames.*leave --data.on-device out"
        ):
            on_device(dataset)


def test_what_does_not_fit_is_said_before_anything_is_decoded(monkeypatch):
    decoded: list[tuple[str, int, bool]] = []
    set_free_memory(monkeypatch, 1000)
    with pytest.raises(InputError):
        on_device(a_dataset(decoded=decoded))
    assert not decoded


def test_free_memory_is_what_the_system_says(tmp_path: Path, monkeypatch):
    assert 1 << 20 < free_memory(CPU) < 1 << 50
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (7, 9))
    assert free_memory(torch.device("cuda")) == 7
    monkeypatch.setattr(resident_module, "Path", lambda name: tmp_path / "absent")
    assert 1 << 20 < free_memory(CPU) < 1 << 50
