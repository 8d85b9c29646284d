import itertools
import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from egodepth.data.media.frames import FrameFolder, NumberedNames, common_size, list_images, number_files
from egodepth.data.readers.folder import FolderDrive
from egodepth.foundation.errors import InputError

CAMERA = {"fov_deg": 80}


def picture(path: Path, value: int = 0, size: tuple[int, int] = (8, 12)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((*size, 3), value, np.uint8)).save(path)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Frames 8, 9, 10 and 12, with a camera; each is as bright as its number."""
    for number in (8, 9, 10, 12):
        picture(tmp_path / "clip" / f"frame_{number}.png", number)
    (tmp_path / "clip" / "camera.json").write_text(json.dumps(CAMERA))
    return tmp_path / "clip"


def test_frames_carry_the_numbers_of_their_files_and_gaps_stay(clip: Path) -> None:
    drive = FolderDrive(clip)
    assert (drive.name, drive.frames, drive.size) == ("clip", [8, 9, 10, 12], (8, 12))
    assert [int(drive.read_image(frame)[0, 0, 0]) for frame in drive.frames] == [8, 9, 10, 12]
    assert drive.partner_camera is None
    assert not drive.has_partner(8)
    assert not drive.has_depth(8)


def test_names_without_usable_numbers_are_counted_in_natural_order() -> None:
    for names, numbers in (
        (["a.png", "b.png"], [0, 1]),
        (["a1.png", "b1.png"], [0, 1]),
        (["10.75.png", "11.25.png"], [0, 1]),
        (["left_7.png", "left_9.png"], [7, 9]),
        (["1403636579763555584.png", "1403636579813555456.png"], [0, 1]),
        (["140363657976355558.png", "140363657981355545.png"], [140363657976355558, 140363657981355545]),
    ):
        assert list(number_files([Path(name) for name in names])) == numbers


STAMPS = [1623456789123 + 33 * i + i % 3 for i in range(20)]


@pytest.mark.parametrize(
    ("names", "numbers"),
    [
        ([f"{4 + 3 * i}" for i in range(20)], list(range(1, 21))),
        ([f"f{10 * i:05d}" for i in range(6)], list(range(6))),
        ([str(stamp) for stamp in STAMPS], list(range(20))),
        ([f"{stamp}000" for stamp in STAMPS if stamp != STAMPS[7]], [*range(7), *range(8, 20)]),
        ([f"{1403636579763555584 + 50_000_000 * i}" for i in range(9)], None),
        ([f"{1305031102.175304 + i / 30:.6f}" for i in range(40)], list(range(40))),
        ([f"a_{i:03d}" for i in range(20)] + [f"b_{i:03d}" for i in range(20)], [*range(20), *range(1019, 1039)]),
        ([str(i) for i in (1, 4, 5, 9, 11, 12, 17, 30)], [1, 4, 5, 9, 11, 12, 17, 30]),  # follow no rule
        ([str(i) for i in (1, 2, 3, 4, 8, 9, 10)], [1, 2, 3, 4, 8, 9, 10]),
        ([str(i) for i in (10, 20, 30)], [10, 20, 30]),  # too few to tell
    ],
)
def test_numbers_of_files_count_frames_and_gaps_stay(names: list[str], numbers: list[int] | None) -> None:
    found = list(number_files([Path(f"{name}.png") for name in names]))
    if numbers is None:
        assert [b - a for a, b in itertools.pairwise(found)] == [1] * (len(names) - 1)
    else:
        assert found == numbers


def test_the_numbers_of_a_data_set_are_what_its_lists_say() -> None:
    names = [Path(f"{10 * i:06d}.png") for i in range(20)]
    assert list(number_files(names, exact=True)) == [10 * i for i in range(20)]


def test_a_partner_of_the_same_names_has_the_same_numbers(tmp_path: Path) -> None:
    for number, stamp in enumerate(STAMPS):
        picture(tmp_path / "clip" / f"{stamp}.png", number)
        if number > 2:
            picture(tmp_path / "clip" / "partner" / f"{stamp}.png", 100 + number)
    (tmp_path / "clip" / "camera.json").write_text(json.dumps(CAMERA | {"partner": {"baseline_m": 0.5}}))
    drive = FolderDrive(tmp_path / "clip")
    assert list(drive.partner_frames) == list(range(3, 20))
    assert int(drive.read_image(5, partner=True)[0, 0, 0]) == 105


def test_names_that_differ_in_the_number_alone_are_kept_as_what_they_share() -> None:
    padded = {number: f"2011_frame{number:06d}_7.png" for number in (*range(5000), 2 * 10**6)}
    tracemalloc.start()
    try:
        names = NumberedNames(padded)
        assert tracemalloc.get_traced_memory()[0] < 1 << 14
    finally:
        tracemalloc.stop()
    assert dict(names) == padded
    assert 5000 not in names
    with pytest.raises(KeyError):
        names[5000]


@pytest.mark.parametrize(
    "names",
    [
        {},
        {5: "clip"},
        {9: "a/9.png", 10: "a/10.png"},
        {9: "a/9.png", 10: "b/10.png"},
        {9: "09.png", 10: "10.jpg"},
        {9: "09.png", 10: "010.png"},
        {0: "image.png", 1: "other.png"},
        {7: "\u0667.png", 8: "\u0668.png"},
        {10: "10.png", 9: "09.png"},
    ],
)
def test_names_stay_as_they_are_whatever_they_share(names: dict[int, str]) -> None:
    kept = NumberedNames(names)
    assert dict(kept) == names
    assert list(kept) == sorted(names)
    assert (len(kept), 3 in kept) == (len(names), False)


def test_files_are_listed_in_natural_order_without_copies_and_strangers(tmp_path: Path) -> None:
    for name in ("f10.png", "f2.png", "f1.jpg", "f1.png", ".f3.png"):
        picture(tmp_path / name)
    (tmp_path / "notes.txt").touch()
    assert [path.name for path in list_images(tmp_path)] == ["f1.png", "f2.png", "f10.png"]


def test_takes_come_one_after_another_and_begin_anew(tmp_path: Path) -> None:
    for name in ("b_1", "a_10", "a_2", "b_2", "a_9", "b_3", "a_1", "a_3", *(f"a_{n}" for n in range(4, 9))):
        picture(tmp_path / f"{name}.png")
    files = list_images(tmp_path)
    assert [path.stem for path in files] == [*(f"a_{n}" for n in range(1, 11)), "b_1", "b_2", "b_3"]
    numbers = list(number_files(files))
    assert numbers[:10] == list(range(10))
    assert numbers[10] > 100  # no neighbours of each other
    assert numbers[12] - numbers[10] == 2


@pytest.mark.parametrize(
    "names",
    [
        ("left_{:04d}", "right_{:04d}"),
        ("{:06d}_L", "{:06d}_R"),
        ("cam0_{}", "cam1_{}"),
        ("FrameLeft{}", "FrameRight{}"),
        ("image_02_{}", "image_03_{}"),
    ],
)
def test_pictures_of_two_cameras_are_no_clip(tmp_path: Path, names: tuple[str, str]) -> None:
    for number in range(4):
        for name in names:
            picture(tmp_path / f"{name.format(number)}.png")
    with pytest.raises(InputError, match=r"pictures of two cameras \(.* and .*\); move those of the right one into"):
        FrameFolder.open(tmp_path)


@pytest.mark.parametrize("names", [("a_{}", "b_{}"), ("left_turn_{}", "right_lane_{}"), ("r{}", "l_{}"), ("left_{}",)])
def test_other_names_are_of_one_camera(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in names:
        for number in range(4):
            picture(tmp_path / f"{name.format(number)}.png")
    assert len(FrameFolder.open(tmp_path).files) == 4 * len(names)


def test_a_partner_folder_makes_a_stereo_pair_frame_by_frame(clip: Path) -> None:
    picture(clip / "partner" / "right_9.png", 90)
    (clip / "camera.json").write_text(json.dumps({**CAMERA, "partner": {"baseline_m": 0.3}}))
    drive = FolderDrive(clip)
    assert drive.partner_camera is not None
    assert drive.partner_from_self is not None
    assert drive.partner_from_self[0, 3] == pytest.approx(-0.3)
    assert [frame for frame in drive.frames if drive.has_partner(frame)] == [9]
    assert (drive.read_image(9, partner=True) == 90).all()
    with pytest.raises(InputError, match="frame 10 is missing"):
        drive.read_image(10, partner=True)


def test_a_partner_folder_needs_a_baseline_and_a_partner_a_folder(clip: Path) -> None:
    with pytest.raises(InputError, match="no stereo partner; put its frames into a folder 'partner'"):
        FolderDrive(clip).read_image(8, partner=True)
    picture(clip / "partner" / "8.png")
    with pytest.raises(InputError, match=r'camera\.json: no stereo partner; add "partner": {"baseline_m": 0.54}'):
        FolderDrive(clip)


def test_an_odd_sized_frame_is_named_even_if_it_is_the_first(clip: Path) -> None:
    picture(clip / "frame_8.png", size=(8, 13))
    with pytest.raises(InputError, match=r"frame_8\.png: 13x8 where the other frames are 12x8; resize it"):
        FolderDrive(clip)


def test_an_odd_sized_frame_of_a_long_folder_is_found_when_it_is_read(tmp_path: Path) -> None:
    for number in range(9):
        picture(tmp_path / f"{number}.png", size=(8, 13) if number == 4 else (8, 12))
    frames = FrameFolder.open(tmp_path, headers=3)
    assert frames.size == (8, 12)
    with pytest.raises(InputError, match=r"4\.png: 13x8 where the other frames are 12x8"):
        frames.read(4)


def test_an_unreadable_frame_does_not_keep_a_folder_from_opening(clip: Path) -> None:
    (clip / "frame_8.png").write_bytes(b"damaged")
    drive = FolderDrive(clip)
    assert drive.frames[0] == 8
    with pytest.raises(InputError, match=r"frame_8\.png: not a readable image"):
        drive.read_image(8)
    with pytest.raises(InputError, match=r"frame_8\.png: not a readable image"):
        common_size([clip / "frame_8.png"], 1)


def test_missing_and_empty_folders_and_a_missing_camera_are_named(clip: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere: not a folder that can be read"):
        FolderDrive(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty: no images in this folder"):
        FolderDrive(tmp_path / "empty")
    (clip / "camera.json").unlink()
    with pytest.raises(InputError, match=r"clip/camera\.json: no camera file; write"):
        FolderDrive(clip)
    (tmp_path / "other.json").write_text(json.dumps(CAMERA))
    assert FolderDrive(clip, tmp_path / "other.json", "named").name == "named"


def test_what_is_passed_over_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("IMG_1.jpg", "IMG_1.png", "IMG_2.jpg", "IMG_2.webp", "IMG_3.jpg"):
        Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(tmp_path / name)
    for name in ("IMG_4.HEIC", "notes.txt", "._IMG_1.jpg"):
        (tmp_path / name).write_bytes(b"x")
    for _ in range(2):
        assert [path.name for path in list_images(tmp_path)] == ["IMG_1.png", "IMG_2.jpg", "IMG_3.jpg"]
    twins, unread = caplog.messages
    assert "IMG_1.jpg and 1 more are not taken" in twins
    assert "IMG_4.HEIC is passed over; convert such pictures" in unread
