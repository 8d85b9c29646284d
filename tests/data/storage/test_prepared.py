import errno
import json
import multiprocessing
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from egodepth.config import DataConfig
from egodepth.data.drive import Drive
from egodepth.data.images import resize_rgb
from egodepth.data.samples.loader import batches_from
from egodepth.data.samples.sampler import RawBatch, TrainBatches
from egodepth.data.storage import clip_files
from egodepth.data.storage.store import FrameStore
from egodepth.foundation.errors import InputError
from egodepth.geometry import Camera

SIZE = (8, 12)


class NoiseDrive(Drive):
    """Frames of noise and their partners; counts what is decoded. A partner is what another drive may show."""

    def __init__(self, name: str = "noise", frames: int = 5, seed: int = 0, partner_seed: int = 1) -> None:
        self.name, self.frames, self.size = name, list(range(10, 10 + frames)), (20, 30)
        self.camera = self.partner_camera = Camera(torch.tensor([0.6, 0.9]), torch.tensor([0.5, 0.5]))
        self.partner_from_self = np.eye(4, dtype=np.float32)
        self.seeds = seed, partner_seed
        self.bad: set[int] = set()
        self.changed: set[int] = set()
        self.decoded: list[int] = []

    def read_image(self, frame: int, partner: bool = False) -> np.ndarray:
        self.decoded.append(frame)
        if frame in self.bad:
            raise InputError(f"{frame}.png: not a readable image")
        seed = [frame, self.seeds[partner], frame in self.changed]
        return np.random.default_rng(seed).integers(0, 256, (*self.size, 3), np.uint8)


def expected(drive: NoiseDrive, frame: int, partner: bool = False) -> np.ndarray:
    return resize_rgb(drive.read_image(frame, partner), SIZE)


def fill(folder: Path, *drives: NoiseDrive, **options) -> FrameStore:
    """A store with all frames of the drives; the drives forget what they decoded."""
    store = FrameStore(list(drives), SIZE, folder=folder, **options)
    for position, drive in enumerate(drives):
        for frame in drive.frames:
            store.read(position, frame)
        drive.decoded.clear()
    return store


def one(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found


def test_what_one_store_decodes_the_next_one_finds(tmp_path):
    first = NoiseDrive()
    assert fill(tmp_path, first).on_disk() == (5, 5)
    drive = NoiseDrive()
    store = FrameStore([drive], SIZE, folder=tmp_path)
    drive.decoded.clear()  # some are compared at opening
    for _ in range(2):
        for frame in drive.frames:
            np.testing.assert_array_equal(store.read(0, frame), expected(NoiseDrive(), frame))
    assert drive.decoded == []
    assert store.troubles() == []


def test_frames_lie_in_one_array_a_clip(tmp_path):
    fill(tmp_path, NoiseDrive())
    frames = np.fromfile(one(tmp_path, "*.u8"), np.uint8).reshape(5, *SIZE, 3)
    np.testing.assert_array_equal(frames, [expected(NoiseDrive(), frame) for frame in range(10, 15)])
    assert np.count_nonzero(np.fromfile(one(tmp_path, "*.crc"), "<u4")) == 5


def test_drives_come_to_a_store_one_after_the_other(tmp_path):
    fill(tmp_path, NoiseDrive("a"))
    fill(tmp_path, NoiseDrive("b", seed=5))
    a, b = NoiseDrive("a"), NoiseDrive("b", seed=5)
    store = FrameStore([b, a], SIZE, folder=tmp_path)
    a.decoded.clear()
    b.decoded.clear()
    np.testing.assert_array_equal(store.read(0, 12), expected(NoiseDrive(seed=5), 12))
    np.testing.assert_array_equal(store.read(1, 12), expected(NoiseDrive(), 12))
    assert a.decoded == b.decoded == []


def test_only_a_store_of_stereo_keeps_partners(tmp_path):
    drive = NoiseDrive()
    mono = FrameStore([drive], SIZE, folder=tmp_path / "mono")
    stereo = FrameStore([drive], SIZE, folder=tmp_path / "stereo", partner=True)
    for store in (mono, stereo):
        for _ in range(2):
            np.testing.assert_array_equal(store.read(0, 11, partner=True), expected(NoiseDrive(), 11, partner=True))
    assert (mono.on_disk(), stereo.on_disk()) == ((0, 5), (1, 10))


def test_a_partner_that_is_a_drive_of_its_own_is_kept_once(tmp_path):
    left, right = NoiseDrive("left"), NoiseDrive("right", seed=1, partner_seed=0)
    store = fill(tmp_path, left, right, partner=True)
    assert store.on_disk() == (10, 10)
    assert len(list(tmp_path.glob("*.u8"))) == 2
    for position, drive in enumerate((left, right)):
        for frame in drive.frames:
            image = store.read(position, frame, partner=True)
            np.testing.assert_array_equal(image, expected(NoiseDrive(), frame, partner=position == 0))
    right.changed = {10}
    left.decoded.clear()
    with pytest.raises(InputError, match="right: frame 10 is another image"):
        FrameStore([left, right], SIZE, folder=tmp_path, partner=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda drive: drive.changed.add(10), "frame 10 is another image than it was"),
        (lambda drive: drive.changed.add(14), "frame 14 is another image than it was"),
        (lambda drive: drive.bad.add(12), "frame 12 is another image than it was"),
        (lambda drive: drive.frames.append(15), r"the frames are others \(6 now, 5 then\)"),
        (lambda drive: drive.frames.pop(2), r"the frames are others \(4 now, 5 then\)"),
        (lambda drive: setattr(drive, "size", (20, 40)), "the images are 40x20, not 30x20 as they were"),
    ],
)
def test_a_store_of_a_source_that_changed_is_an_error_or_made_anew(tmp_path, change: Callable, message: str):
    fill(tmp_path, NoiseDrive())
    drive = NoiseDrive()
    change(drive)
    with pytest.raises(InputError, match=f"noise: {message}; egodepth data prepare creates it again"):
        FrameStore([drive], SIZE, folder=tmp_path)
    said: list[str] = []
    store = FrameStore([drive], SIZE, folder=tmp_path, rebuilding=said.append)
    assert len(said) == 1
    assert "created again" in said[0]
    assert store.on_disk() == (0, len(drive.frames))
    for frame in set(drive.frames) - drive.bad:
        np.testing.assert_array_equal(store.read(0, frame), expected(drive, frame))
    FrameStore([drive], SIZE, folder=tmp_path)


def test_of_many_frames_eighteen_are_compared(tmp_path):
    fill(tmp_path, NoiseDrive(frames=200))
    drive = NoiseDrive(frames=200)
    FrameStore([drive], SIZE, folder=tmp_path)
    assert len(drive.decoded) == 18
    assert {drive.decoded[0], drive.decoded[-1]} == {10, 209}
    drive.changed = {drive.decoded[9]}
    with pytest.raises(InputError, match="another image"):
        FrameStore([drive], SIZE, folder=tmp_path)


def test_of_many_clips_so_many_frames_are_compared_that_the_start_does_not_wait(tmp_path):
    drives = [NoiseDrive(f"{i}", frames=20, seed=i) for i in range(60)]
    fill(tmp_path, *drives)
    FrameStore(drives, SIZE, folder=tmp_path)
    counts = [len(drive.decoded) for drive in drives]
    assert 256 < sum(counts) <= 512
    assert min(counts) > 0


def test_another_size_or_a_folder_of_something_else_is_left_alone(tmp_path):
    fill(tmp_path / "store", NoiseDrive())
    with pytest.raises(InputError, match="its frames are 12x8, not 20x16; choose another folder"):
        FrameStore([NoiseDrive()], (16, 20), folder=tmp_path / "store", rebuilding=print)
    with pytest.raises(InputError, match="not empty and not a store"):
        FrameStore([NoiseDrive()], SIZE, folder=tmp_path, rebuilding=print)
    with pytest.raises(InputError, match="two drives have the same name"):
        FrameStore([NoiseDrive(), NoiseDrive()], SIZE, folder=tmp_path / "new")
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written"):
        FrameStore([NoiseDrive()], SIZE, folder=tmp_path / "file")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not a readable index"),
        ("[]", "not a readable index"),
        ('{"clips": {"a": 3}}', "not a readable index"),
        ({"format": "of tomorrow"}, "not a store of this version"),
        ({"arithmetic": "0123"}, "resized by other arithmetic"),
    ],
)
def test_an_index_that_cannot_be_used_is_an_error(tmp_path, content: str | dict[str, str], message: str):
    fill(tmp_path, NoiseDrive())
    index = tmp_path / "index.json"
    index.write_text(content if isinstance(content, str) else json.dumps(json.loads(index.read_text()) | content))
    with pytest.raises(InputError, match=message):
        FrameStore([NoiseDrive()], SIZE, folder=tmp_path, rebuilding=print)


@pytest.mark.parametrize("pattern", ["*.u8", "*.crc"])
@pytest.mark.parametrize("rest", [None, 0, 100])
def test_a_file_that_was_cut_off_is_an_error_or_made_anew(tmp_path, pattern: str, rest: int | None):
    fill(tmp_path, NoiseDrive())
    file = one(tmp_path, pattern)
    file.unlink()
    if rest is not None:
        file.write_bytes(bytes(rest))
    with pytest.raises(InputError, match="its file is missing or cut off"):
        FrameStore([NoiseDrive()], SIZE, folder=tmp_path)
    said: list[str] = []
    store = FrameStore([NoiseDrive()], SIZE, folder=tmp_path, rebuilding=said.append)
    assert len(said) == 1
    np.testing.assert_array_equal(store.read(0, 13), expected(NoiseDrive(), 13))


def test_a_frame_whose_pixels_were_lost_is_decoded_anew(tmp_path):
    fill(tmp_path, NoiseDrive())
    with one(tmp_path, "*.u8").open("r+b") as file:
        file.seek(2 * 8 * 12 * 3 + 50)
        file.write(bytes(100))  # as after a power failure
    drive = NoiseDrive()
    store = FrameStore([drive], SIZE, folder=tmp_path)
    drive.decoded.clear()
    for _ in range(2):
        for frame in drive.frames:
            np.testing.assert_array_equal(store.read(0, frame), expected(NoiseDrive(), frame))
    assert drive.decoded == [12]
    assert store.troubles() == [f"{tmp_path}: some frames differ from what had been written; they are decoded again"]
    assert FrameStore([drive], SIZE, folder=tmp_path).troubles() == []


def test_on_a_full_disk_writing_ends_and_reading_goes_on(tmp_path, monkeypatch):
    drive = NoiseDrive()
    store = FrameStore([drive], SIZE, folder=tmp_path)
    written = []

    def full(handle: int, content: memoryview, offset: int) -> int:
        if len(written) == 4:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written.append(offset)
        os.lseek(handle, offset, os.SEEK_SET)
        return os.write(handle, content)

    monkeypatch.setattr(clip_files.os, "pwrite", full)
    drive.decoded.clear()
    for _ in range(2):
        for frame in drive.frames:
            np.testing.assert_array_equal(store.read(0, frame), expected(NoiseDrive(), frame))
    assert drive.decoded == [10, 11, 12, 13, 14, 12, 13, 14]
    assert store.troubles() == [
        f"{tmp_path}: cannot be written (No space left on device); the frames it lacks are decoded every time"
    ]
    assert store.on_disk() == (2, 5)
    monkeypatch.undo()
    assert FrameStore([NoiseDrive()], SIZE, folder=tmp_path).on_disk() == (2, 5)


def test_short_writes_are_completed(tmp_path, monkeypatch):
    whole = os.pwrite
    monkeypatch.setattr(clip_files.os, "pwrite", lambda handle, content, at: whole(handle, content[:7], at))
    fill(tmp_path, NoiseDrive())
    frames = np.fromfile(one(tmp_path, "*.u8"), np.uint8).reshape(5, *SIZE, 3)
    np.testing.assert_array_equal(frames[3], expected(NoiseDrive(), 13))


def test_bad_frames_are_remembered_not_kept(tmp_path):
    drive = NoiseDrive()
    drive.bad = {12}
    store = FrameStore([drive], SIZE, folder=tmp_path)
    with pytest.raises(InputError):
        store.read(0, 12)
    assert [bad.frame for bad in store.bad_frames()] == [12]
    assert store.on_disk() == (0, 5)
    FrameStore([drive], SIZE, folder=tmp_path)  # as bad as it was: nothing has changed


def read_all(folder: Path, pause_s: float) -> None:
    store = FrameStore([NoiseDrive(frames=40)], SIZE, folder=folder)
    for frame in range(10, 50):
        store.read(0, frame)
        time.sleep(pause_s)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_processes_that_fill_a_store_together_fill_it_rightly(tmp_path):
    context = multiprocessing.get_context("fork")
    children = [context.Process(target=read_all, args=(tmp_path, 0)) for _ in range(3)]
    for child in children:
        child.start()
    for child in children:
        child.join(60)
    assert [child.exitcode for child in children] == [0, 0, 0]
    store = FrameStore([NoiseDrive(frames=40)], SIZE, folder=tmp_path)
    assert store.on_disk() == (40, 40)
    for frame in range(10, 50):
        np.testing.assert_array_equal(store.read(0, frame), expected(NoiseDrive(), frame))
    assert store.troubles() == []


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_what_a_killed_process_has_written_is_found(tmp_path):
    child = multiprocessing.get_context("fork").Process(target=read_all, args=(tmp_path, 0.01))
    child.start()
    until = time.monotonic() + 30
    while (
        not list(tmp_path.glob("*.crc")) or FrameStore([NoiseDrive(frames=40)], SIZE, folder=tmp_path).on_disk()[0] < 3
    ):
        assert time.monotonic() < until
        time.sleep(0.01)
    child.kill()
    child.join()
    drive = NoiseDrive(frames=40)
    store = FrameStore([drive], SIZE, folder=tmp_path)
    there = store.on_disk()[0]
    drive.decoded.clear()
    for frame in drive.frames:
        np.testing.assert_array_equal(store.read(0, frame), expected(NoiseDrive(), frame))
    assert 3 <= there < 40
    assert drive.decoded == drive.frames[there:]


def batches(folder: Path | None, workers: int) -> list[RawBatch]:
    drive = NoiseDrive(frames=9)
    store = FrameStore([drive], SIZE, folder=folder, partner=True)
    config = DataConfig(size=(64, 96), stereo=True)
    dataset = TrainBatches(store, [(0, frame) for frame in range(11, 18)], config, 3, seed=0, steps=5)
    return list(batches_from(dataset, 0, workers, pin=False))


def test_batches_from_a_store_are_those_from_decoding(tmp_path):
    decoded = batches(None, 0)
    for folder, workers in ((tmp_path / "a", 2), (tmp_path / "a", 0), (tmp_path / "b", 0), (tmp_path / "b", 2)):
        found = batches(folder, workers)
        for left, right in zip(decoded, found, strict=True):
            for name, expected_field, field in zip(RawBatch._fields[:-1], left[:-1], right[:-1], strict=True):
                assert torch.equal(field, expected_field), name


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_store_that_may_only_be_read_serves_what_it_has(tmp_path):
    store = FrameStore([NoiseDrive()], SIZE, folder=tmp_path)
    store.read(0, 10)
    for path in (*tmp_path.iterdir(), tmp_path):
        path.chmod(0o555 if path.is_dir() else 0o444)
    store = FrameStore([NoiseDrive()], SIZE, folder=tmp_path)
    for frame in range(10, 15):
        np.testing.assert_array_equal(store.read(0, frame), expected(NoiseDrive(), frame))
    assert store.write_error() == "Permission denied"
    tmp_path.chmod(0o755)
