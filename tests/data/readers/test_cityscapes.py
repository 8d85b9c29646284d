import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from egodepth.data.images import write_image
from egodepth.data.readers.cityscapes import CityscapesDrive, is_cityscapes, open_cityscapes
from egodepth.foundation.errors import InputError

HEIGHT, WIDTH = 32, 64
FX, FY, U0, V0, BASELINE = 2262.52, 2265.3017905988554, 1096.98, 513.137, 0.209313
CAMERA = {"extrinsic": {"baseline": BASELINE}, "intrinsic": {"fx": FX, "fy": FY, "u0": U0, "v0": V0}}
ZIP = "leftImg8bit_sequence_trainvaltest.zip"


def picture(blue: int, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """Red is the row, green the column."""
    rows, columns = np.mgrid[:height, :width] % 256
    return np.stack([rows, columns, np.full_like(rows, blue)], -1).astype(np.uint8)


def add_image(root: Path, name: str, blue: int = 0, kind: str = "leftImg8bit_sequence", suffix: str = ".png") -> Path:
    """An image of a frame such as train/aachen_000000_000019."""
    split, frame = name.split("/")
    ending = kind.removesuffix("_sequence")
    path = root / kind / split / frame.partition("_")[0] / f"{frame}_{ending}{suffix}"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_image(path, picture(blue))
    return path


def add_camera(root: Path, name: str, content: object = CAMERA) -> Path:
    split, frame = name.split("/")
    path = root / "camera" / split / frame.partition("_")[0] / f"{frame}_camera.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def changed(group: str, key: str, value: object) -> dict[str, dict[str, object]]:
    return {name: {**values, **({key: value} if name == group else {})} for name, values in CAMERA.items()}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two snippets of aachen, one of hamburg with a gap; one right image, one disparity, a camera for each city."""
    for frame in (18, 19, 20):
        add_image(tmp_path, f"train/aachen_000000_{frame:06d}", frame)
    for frame in (9, 10):
        add_image(tmp_path, f"train/aachen_000001_{frame:06d}", frame, suffix=".jpg")
    for frame in (42, 43, 103856, 103857):
        add_image(tmp_path, f"train/hamburg_000000_{frame:06d}", frame % 256)
    add_image(tmp_path, "train/aachen_000000_000019", 119, "rightImg8bit_sequence")
    disparity = np.zeros((HEIGHT, WIDTH), np.uint16)
    disparity[3, 5], disparity[23, 63], disparity[4, 6], disparity[24:] = 10 * 256 + 1, 1.5 * 256 + 1, 1, 9999
    write_image(tmp_path / "disparity" / "train" / "aachen" / "aachen_000000_000019_disparity.png", disparity)
    add_camera(tmp_path, "train/aachen_000000_000019")
    add_camera(tmp_path, "train/hamburg_000000_000042", changed("intrinsic", "fx", 2000))
    add_camera(tmp_path, "train/hamburg_000000_103857", changed("intrinsic", "fx", 2100))
    return tmp_path


def pixels(drive: CityscapesDrive, size: tuple[int, int]) -> Tensor:
    return drive.camera.to_pixels(size)


def first(root: Path) -> CityscapesDrive:
    drive = open_cityscapes(root)[0]
    assert isinstance(drive, CityscapesDrive)
    return drive


def test_each_snippet_is_a_drive_and_long_numbers_leave_gaps(root: Path) -> None:
    (root / "leftImg8bit_sequence" / "train" / "aachen" / "notes_000000_leftImg8bit.txt").touch()
    write_image(root / "leftImg8bit_sequence" / "train" / "aachen" / "cover.png", picture(0))
    (root / "leftImg8bit_sequence" / "train" / "license.txt").touch()
    drives = open_cityscapes(root)
    assert [(drive.name, drive.frames) for drive in drives] == [
        ("cityscapes/train/aachen_000000", [18, 19, 20]),
        ("cityscapes/train/aachen_000001", [9, 10]),
        ("cityscapes/train/hamburg_000000", [42, 43, 103856, 103857]),
    ]
    assert all(drive.size == (24, 64) for drive in drives)


def test_the_lowest_quarter_of_the_image_is_cut_off(root: Path) -> None:
    drive = first(root)
    np.testing.assert_array_equal(drive.read_image(20), picture(20)[:24])
    np.testing.assert_array_equal(drive.read_image(19, partner=True), picture(119)[:24])
    assert open_cityscapes(root)[1].read_image(9).shape == (24, 64, 3)  # a JPEG


def test_a_png_goes_before_its_converted_copy(root: Path) -> None:
    add_image(root, "train/aachen_000000_000018", 200, suffix=".jpg")
    assert first(root).frames == [18, 19, 20]
    assert first(root).read_image(18)[0, 0, 2] == 18


def test_the_camera_is_that_of_the_cut_image(root: Path, assert_close: Callable[..., None]) -> None:
    expected = np.array([[FX, 0, U0], [0, FY, V0], [0, 0, 1]])
    assert_close(pixels(first(root), (768, 2048)), expected)
    assert_close(first(root).camera.focal, [FX / 2048, FY / 768])
    assert_close(first(root).camera.centre, [(U0 + 0.5) / 2048, (V0 + 0.5) / 768])


def test_images_of_the_official_size_keep_the_centre_in_pixels(root: Path, assert_close: Callable[..., None]) -> None:
    for path in (root / "leftImg8bit_sequence" / "train" / "aachen").iterdir():
        write_image(path, picture(0, 1024, 2048))
    drive = first(root)
    assert drive.size == (768, 2048)
    assert_close(pixels(drive, drive.size)[:2, 2], [U0, V0])
    assert drive.read_image(18).shape == (768, 2048, 3)


def test_the_camera_is_the_snippets_own_or_else_the_citys_first(root: Path, assert_close: Callable[..., None]) -> None:
    add_camera(root, "train/aachen_000002_000019", changed("intrinsic", "fx", 1900))
    add_camera(root, "train/hamburg_000000_000007", changed("intrinsic", "fx", 1800))
    add_image(root, "train/aachen_000002_000019")
    focal = [drive.camera.focal[0] * 2048 for drive in open_cityscapes(root)]
    for actual, expected in zip(focal, (FX, FX, 1900, 1800), strict=True):
        assert_close(actual, expected)


def test_the_partner_is_a_baseline_to_the_right_of_frames_that_have_it(root: Path) -> None:
    own, other = open_cityscapes(root)[:2]
    assert [own.has_partner(frame) for frame in own.frames] == [False, True, False]
    assert own.partner_camera is not None
    assert torch.equal(torch.cat(own.partner_camera), torch.cat(own.camera))
    expected = np.eye(4, dtype=np.float32)
    expected[0, 3] = -BASELINE
    assert own.partner_from_self is not None
    np.testing.assert_array_equal(own.partner_from_self, expected)
    with pytest.raises(InputError, match="rightImg8bit_sequence/train/aachen: frame 20 is missing"):
        own.read_image(20, partner=True)
    assert not any(map(other.has_partner, other.frames))
    assert other.partner_camera is None
    assert other.partner_from_self is None


def test_depth_is_focal_length_times_baseline_over_disparity(root: Path) -> None:
    drive = first(root)
    assert [drive.has_depth(frame) for frame in drive.frames] == [False, True, False]
    depth = drive.read_depth(19)
    assert (depth.shape, depth.dtype) == ((24, 64), np.float32)
    assert depth[3, 5] == pytest.approx(FX * BASELINE / 10, rel=1e-6)
    assert depth[23, 63] == pytest.approx(FX * BASELINE / 1.5, rel=1e-6)
    assert np.count_nonzero(depth) == 2  # unknown, a disparity of zero, and the rows that are cut off, are not
    with pytest.raises(
        InputError, match=r"aachen_000000: no disparity of frame 18; unpack disparity_trainvaltest\.zip"
    ):
        drive.read_depth(18)


def test_single_frames_stand_in_for_sequences_that_are_not_unpacked(root: Path) -> None:
    add_image(root, "val/lindau_000000_000019", 7, "leftImg8bit")
    add_image(root, "val/lindau_000000_000019", 8, "rightImg8bit")
    add_camera(root, "val/lindau_000000_000019")
    add_image(root, "train/aachen_000000_000019", 99, "leftImg8bit")
    (drive,) = open_cityscapes(root, "val")
    assert (drive.name, drive.frames) == ("cityscapes/val/lindau_000000", [19])
    assert drive.read_image(19)[0, 0, 2] == 7
    assert drive.read_image(19, partner=True)[0, 0, 2] == 8
    assert first(root).read_image(19)[0, 0, 2] == 19  # the sequence, where there is one


def test_an_image_of_another_size_is_named_when_it_is_read(root: Path) -> None:
    path = root / "leftImg8bit_sequence" / "train" / "aachen" / "aachen_000000_000020_leftImg8bit.png"
    write_image(path, picture(0, 16, 32))
    with pytest.raises(InputError, match=r"000020_leftImg8bit\.png: 32x16 where the other frames are 64x32"):
        first(root).read_image(20)


def test_images_that_were_cut_before_are_refused(root: Path) -> None:
    for path in (root / "leftImg8bit_sequence" / "train" / "aachen").iterdir():
        write_image(path, picture(0, 24, 64))
    with pytest.raises(InputError, match=r"camera\.json: calibrated for 2048x1024, but the images are 64x24, another"):
        open_cityscapes(root)


def test_a_missing_split_names_its_folder_and_those_that_exist(root: Path) -> None:
    add_image(root, "val/lindau_000000_000019", 7, "leftImg8bit")
    message = rf"leftImg8bit_sequence/test: no such folder \(splits here: train, val\); unpack {ZIP} in {root}$"
    with pytest.raises(InputError, match=message):
        open_cityscapes(root, "test")
    with pytest.raises(InputError, match="no split 'train_extra'; choose one of train, val, test"):
        open_cityscapes(root, "train_extra")


@pytest.mark.parametrize("place", [ZIP, f"leftImg8bit_sequence/{ZIP}"])
def test_a_package_that_is_still_packed_is_pointed_at(tmp_path: Path, place: str) -> None:
    (tmp_path / "leftImg8bit_sequence").mkdir()
    (tmp_path / place).touch()
    message = rf"train: no such folder \(splits here: none\); unpack {tmp_path / place}, still packed, in {tmp_path}$"
    with pytest.raises(InputError, match=message):
        open_cityscapes(tmp_path)


def test_a_split_without_images_is_refused(tmp_path: Path) -> None:
    (tmp_path / "leftImg8bit_sequence" / "train" / "aachen").mkdir(parents=True)
    message = rf"train: no images CITY/CITY_SSSSSS_FFFFFF_leftImg8bit\.png; unpack {ZIP} in"
    with pytest.raises(InputError, match=message):
        open_cityscapes(tmp_path)


def test_a_city_without_any_camera_says_what_to_unpack(root: Path) -> None:
    add_image(root, "train/bochum_000000_000313")
    message = rf"camera/train/bochum: no camera files; unpack camera_trainvaltest\.zip in {root}$"
    with pytest.raises(InputError, match=message):
        open_cityscapes(root)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"extrinsic": {', "not a readable camera file; unpack camera_trainvaltest.zip again"),
        ([1, 2], "not a readable camera file"),
        (changed("intrinsic", "fx", None), "not a readable camera file"),
        ({"extrinsic": {"baseline": 0.2}}, "'intrinsic' is missing; unpack camera_trainvaltest.zip again"),
        ({**CAMERA, "intrinsic": {"fx": FX, "fy": FY, "u0": U0}}, "'v0' is missing"),
        ({**CAMERA, "extrinsic": {}}, "'baseline' is missing"),
        (changed("extrinsic", "baseline", -0.2), "baseline -0.2 is not one in metres"),
        (changed("extrinsic", "baseline", float("nan")), "baseline nan is not one in metres"),
        (changed("intrinsic", "fy", float("inf")), "a value that is not a finite number"),
        (changed("intrinsic", "fx", -FX), "fx is -2263 px"),
        (changed("intrinsic", "v0", 900), "cy is 900 px, outside a 2048x768 image"),
    ],
)
def test_a_damaged_camera_file_is_named_with_what_is_wrong(root: Path, content: object, message: str) -> None:
    path = add_camera(root, "train/aachen_000000_000019", content)
    with pytest.raises(InputError) as caught:
        open_cityscapes(root)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)


def test_other_folders_are_no_cityscapes(root: Path) -> None:
    assert is_cityscapes(root)
    assert not is_cityscapes(root / "leftImg8bit_sequence")
    add_image(root / "single", "train/aachen_000000_000019", kind="leftImg8bit")
    assert is_cityscapes(root / "single")
