import multiprocessing
from pathlib import Path

import numpy as np
import pytest
import torch

from egodepth.data.drive import Drive
from egodepth.data.images import resize_rgb
from egodepth.data.storage.store import BadFrame, FrameStore
from egodepth.foundation.errors import InputError
from egodepth.geometry import Camera

SIZE = (8, 12)


class CountedDrive(Drive):
    """Frames 5, 6, 8 of noise with a partner each; counts what is decoded, and frame 8's partner is bad."""

    def __init__(self, name: str = "counted") -> None:
        self.name, self.frames, self.size = name, [5, 6, 8], (20, 30)
        self.camera = self.partner_camera = Camera(torch.tensor([0.6, 0.9]), torch.tensor([0.5, 0.5]))
        self.partner_from_self = np.eye(4, dtype=np.float32)
        self.decoded: list[tuple[int, bool]] = []

    def read_image(self, frame: int, partner: bool = False) -> np.ndarray:
        self.decoded.append((frame, partner))
        if (frame, partner) == (8, True):
            raise InputError(f"{frame}.png: not a readable image")
        return np.random.default_rng([frame, partner]).integers(0, 256, (*self.size, 3), np.uint8)


def expected(drive: CountedDrive, frame: int, partner: bool = False) -> np.ndarray:
    return resize_rgb(drive.read_image(frame, partner), SIZE)


def test_a_frame_is_decoded_once_and_comes_back_at_the_size_of_the_store():
    drive = CountedDrive()
    store = FrameStore([CountedDrive("other"), drive], SIZE)
    first, second = store.read(1, 6).copy(), store.read(1, 6)
    assert drive.decoded == [(6, False)]
    assert first.shape == (*SIZE, 3)
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(first, expected(drive, 6))


def test_frames_of_several_drives_and_their_partners_are_kept_apart():
    drives = [CountedDrive("a"), CountedDrive("b")]
    store = FrameStore(drives, SIZE)
    for _ in range(2):
        for drive in range(2):
            for frame, partner in ((5, False), (5, True), (6, False), (6, True), (8, False)):
                np.testing.assert_array_equal(
                    store.read(drive, frame, partner), expected(CountedDrive(), frame, partner)
                )
    assert [len(drive.decoded) for drive in drives] == [5, 5]
    assert len(store) == 6


def test_beyond_its_limit_the_cache_decodes_every_time_with_the_same_result():
    drive = CountedDrive()
    store = FrameStore([drive], SIZE, cache_bytes=3 * SIZE[0] * SIZE[1] * 3)
    for _ in range(2):
        for frame, partner in ((5, False), (8, False), (5, True)):
            np.testing.assert_array_equal(store.read(0, frame, partner), expected(CountedDrive(), frame, partner))
    assert drive.decoded == [(5, False), (8, False), (5, True), (5, True)]
    assert store.bad_frames() == []


def test_a_store_without_a_cache_works():
    drive = CountedDrive()
    store = FrameStore([drive], SIZE, cache_bytes=0)
    np.testing.assert_array_equal(store.read(0, 5), expected(drive, 5))


def test_a_bad_frame_is_remembered_with_its_drive():
    store = FrameStore([CountedDrive("a"), CountedDrive("b")], SIZE)
    assert store.bad_frames() == []
    for _ in range(2):
        with pytest.raises(InputError, match="not a readable image"):
            store.read(1, 8, partner=True)
    assert store.bad_frames() == [BadFrame("b", 8, True)]


def read_in_child(store: FrameStore, drive: int, frame: int) -> None:
    store.read(drive, frame)
    with pytest.raises(InputError):
        store.read(drive, 8, partner=True)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_what_a_forked_worker_decodes_is_there_for_all():
    drive = CountedDrive()
    store = FrameStore([drive], SIZE)
    child = multiprocessing.get_context("fork").Process(target=read_in_child, args=(store, 0, 6))
    child.start()
    child.join(30)
    assert child.exitcode == 0
    np.testing.assert_array_equal(store.read(0, 6), expected(CountedDrive(), 6))
    assert drive.decoded == []
    assert store.bad_frames() == [BadFrame("counted", 8, True)]


def test_frames_of_a_real_folder_are_the_files(make_clip, tmp_path: Path):
    from egodepth.data.opening import open_drives

    drives = open_drives(make_clip(tmp_path / "clip", partner=True))
    store = FrameStore(drives, (64, 96))
    np.testing.assert_array_equal(store.read(0, 3), drives[0].read_image(3))
    np.testing.assert_array_equal(store.read(0, 3, partner=True), drives[0].read_image(3, partner=True))


def test_resizing_is_pils_lanczos_filter_but_for_rounding(real_data: Path):
    from PIL import Image

    from egodepth.data.images import read_rgb

    file = next((real_data / "kitti_raw").glob("*/*_0095_sync/image_02/data/*.jpg"))
    image = read_rgb(file)
    for size in ((192, 640), (320, 1024), (64, 224), (400, 1300)):
        plain = Image.fromarray(image).resize(size[::-1], Image.Resampling.LANCZOS)
        difference = np.abs(resize_rgb(image, size).astype(int) - np.asarray(plain))
        assert difference.max() <= 2
        assert difference.mean() < 0.02


def test_a_frame_that_the_drive_does_not_have_is_no_frame():
    store = FrameStore([CountedDrive()], SIZE)
    assert [store.has(0, frame) for frame in (4, 5, 6, 7, 8, 9)] == [False, True, True, False, True, False]
    with pytest.raises(KeyError, match="counted has no frame 7"):
        store.read(0, 7)


@pytest.mark.parametrize("options", [{"subsampling": s, "progressive": p} for s in (0, 1, 2) for p in (False, True)])
def test_both_decoders_of_jpeg_give_the_same_pixels(tmp_path: Path, monkeypatch, options: dict[str, int | bool]):
    pytest.importorskip("simplejpeg")
    from PIL import Image

    from egodepth.data import images

    noise = np.random.default_rng(0).integers(0, 256, (25, 40, 3), np.uint8)
    picture = Image.fromarray(noise).resize((157, 99))
    picture.save(tmp_path / "a.jpg", quality=92, **options)
    found = images.read_rgb(tmp_path / "a.jpg")
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "a.jpg").read_bytes()[:-200])
    with pytest.raises(InputError, match="truncated"):
        images.read_rgb(tmp_path / "cut.jpg")
    monkeypatch.setattr(images, "simplejpeg", None)
    np.testing.assert_array_equal(found, images.read_rgb(tmp_path / "a.jpg"))
