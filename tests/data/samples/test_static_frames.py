from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from egodepth.config import MINIMUM_MOTION
from egodepth.data.drive import Drive
from egodepth.data.kitti.lists import read_list
from egodepth.data.kitti.raw import KittiDrive
from egodepth.data.samples import static_frames
from egodepth.data.samples.static_frames import drive_motion, image_motion, moving_frames
from egodepth.foundation.errors import InputError
from egodepth.geometry.camera import Camera

SIZE = (120, 400)
"""A third of KITTI's width: noise averages out less than there."""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EGODEPTH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "motion"


class Recording(Drive):
    """Images in memory; None cannot be read. Counts what is read."""

    def __init__(self, images: list[np.ndarray | None], frames: list[int] | None = None) -> None:
        self.name, self.size = "street", SIZE
        self.frames = list(range(len(images))) if frames is None else frames
        self.camera = Camera(torch.ones(2), torch.ones(2))
        self.images, self.reads = dict(zip(self.frames, images, strict=True)), []

    def read_image(self, frame: int, partner: bool = False) -> np.ndarray:
        self.reads.append(frame)
        image = self.images[frame]
        if image is None:
            raise InputError(f"frame {frame} is damaged")
        return image


def texture(seed: int = 0, width: int = 1200) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(20, 200, (SIZE[0] // 8, width // 8, 3), np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, SIZE[0]), Image.Resampling.BICUBIC))


def pan(pixels: int, count: int = 5, seed: int = 0) -> list[np.ndarray | None]:
    """A camera that turns by so many pixels a frame."""
    return [texture(seed)[:, i * pixels : i * pixels + SIZE[1]] for i in range(count)]


def disturbed(images: list[np.ndarray | None], seed: int = 1) -> list[np.ndarray | None]:
    """Noise of 5 grey levels, and an exposure that flickers by 10 %."""
    rng = np.random.default_rng(seed)
    return [
        np.clip(image * rng.uniform(0.9, 1.1) + rng.normal(0, 5, image.shape), 0, 255).astype(np.uint8)
        for image in images
        if image is not None
    ]


def covered(share: float) -> list[np.ndarray | None]:
    """A standing camera, and traffic that moves by 6 pixels a frame over a share of its image."""
    cut = round(SIZE[1] * (1 - share))
    pairs = zip(pan(0), pan(6, seed=5), strict=True)
    return [np.concatenate([a[:, :cut], b[:, cut:]], 1) for a, b in pairs if a is not None and b is not None]


@pytest.mark.parametrize("images", [pan(0), disturbed(pan(0)), covered(0.5), disturbed(covered(0.5))])
def test_a_standing_camera_has_no_moving_frames(images: list[np.ndarray | None]) -> None:
    assert drive_motion(Recording(images)).max() < 0.75 * MINIMUM_MOTION
    assert moving_frames(Recording(images)) == []


@pytest.mark.parametrize("pixels", [1, 2, 6, 20, 60])
@pytest.mark.parametrize("change", [list, disturbed])
def test_a_camera_that_moves_little_or_much_has_only_moving_frames(pixels: int, change: Callable) -> None:
    images = change(pan(pixels))
    assert drive_motion(Recording(images)).min() > 1.5 * MINIMUM_MOTION
    assert moving_frames(Recording(images)) == [0, 1, 2, 3, 4]


def test_small_motion_is_a_share_of_the_width() -> None:
    for pixels in (1, 2):
        np.testing.assert_allclose(drive_motion(Recording(pan(pixels))), pixels / SIZE[1], rtol=0.2)


def test_frames_beside_a_standstill_are_left_out_with_it() -> None:
    positions = [0, 4, 8, 8, 8, 12, 16]
    drive = Recording([texture()[:, x : x + SIZE[1]] for x in positions])
    assert moving_frames(drive) == [0, 1, 5, 6]
    assert moving_frames(drive, minimum=0.0) == drive.frames
    assert moving_frames(drive, minimum=1.0) == []


def test_frames_across_a_gap_are_not_compared() -> None:
    assert moving_frames(Recording(pan(0), frames=[3, 4, 6, 8, 9])) == [6]
    assert moving_frames(Recording(pan(0, 1), frames=[7])) == [7]
    assert moving_frames(Recording([])) == []


def test_frames_that_cannot_be_read_or_show_nothing_count_as_moving() -> None:
    images = pan(0, 7)
    for damaged in (0, 3, 6):
        images[damaged] = None
    assert moving_frames(Recording(images)) == [0, 3, 6]
    blank = np.full((*SIZE, 3), 90, np.uint8)
    assert moving_frames(Recording([blank, blank])) == [0, 1]
    assert image_motion(np.zeros((2, 2), np.float32), np.zeros((2, 2), np.float32)) == float("inf")


def test_each_image_is_decoded_once_and_then_only_those_at_the_ends(cache: Path) -> None:
    drive, done = Recording(pan(3)), []
    first = drive_motion(drive, done.append)
    assert sorted(drive.reads) == drive.frames
    drive.reads.clear()
    np.testing.assert_array_equal(drive_motion(drive, done.append), first)
    assert sorted(drive.reads) == [0, 4]
    assert done == [1, 1, 1, 1, 1, 5]
    assert len(list(cache.iterdir())) == 1


def test_another_image_at_an_end_another_frame_or_name_is_measured_anew(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drives = [Recording(pan(3)) for _ in range(5)]
    drives[1].images[4] = texture(8)[:, : SIZE[1]]
    drives[2] = Recording(pan(3), frames=[0, 1, 2, 3, 5])
    drives[3].name = "road"
    for drive in drives[:4]:
        drive_motion(drive)
        assert sorted(drive.reads) == drive.frames
    monkeypatch.setattr(static_frames, "_VERSION", 99)
    drive_motion(drives[4])
    assert sorted(drives[4].reads) == drives[4].frames
    assert len(list(cache.iterdir())) == 5


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[0.1, ", b"[0.1]", b'{"a": 1}', b'["a", "b", "c", "d"]', b"7"])
def test_a_damaged_cache_is_written_again(cache: Path, content: bytes) -> None:
    drive = Recording(pan(3))
    expected = drive_motion(drive)
    (file,) = cache.iterdir()
    file.write_bytes(content)
    for reads in (5, 2):
        drive.reads.clear()
        np.testing.assert_array_equal(drive_motion(drive), expected)
        assert len(drive.reads) == reads


def test_without_room_for_a_cache_frames_are_found_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("EGODEPTH_CACHE", str(tmp_path / "file"))
    for _ in range(2):
        assert moving_frames(Recording(pan(3))) == [0, 1, 2, 3, 4]


def test_a_car_at_a_red_light_stands_and_one_in_slow_traffic_moves(real_data: Path) -> None:
    """As in the published list of 0017, but for two frames that it keeps: nothing moves there but crossing traffic."""
    date = real_data / "kitti_raw" / "2011_09_26"
    published = {
        (line.drive_name, line.frame) for line in read_list(real_data / "kitti_splits/eigen_zhou/train_files.txt")
    }
    for camera in (2, 3):
        crossing = KittiDrive(date / "2011_09_26_drive_0017_sync", camera)
        assert drive_motion(crossing).max() < 0.5 * MINIMUM_MOTION
        assert moving_frames(crossing) == []
        assert {frame for frame in crossing.frames if (crossing.name, frame) in published} <= {2, 3}
    for number in ("0001", "0009", "0052"):
        drive = KittiDrive(date / f"2011_09_26_drive_{number}_sync")
        motion = drive_motion(drive)
        assert motion.min() > 3 * MINIMUM_MOTION
        assert moving_frames(drive) == drive.frames
