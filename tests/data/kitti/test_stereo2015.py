from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from egodepth.data.images import write_image
from egodepth.data.kitti import open_kitti_2015
from egodepth.data.opening import open_drives
from egodepth.foundation.errors import InputError


@pytest.fixture
def stereo(tmp_path: Path) -> Path:
    """Scenes 3 and 4 of two sizes, index 11 of scene 3 without truth."""
    training = tmp_path / "training"
    for name, (width, height) in {"000003_10": (1242, 375), "000003_11": (1242, 375), "000004_10": (1241, 376)}.items():
        for folder in ("image_2", "image_3"):
            (training / folder).mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (width, height), (int(folder[-1]), 0, 0)).save(training / folder / f"{name}.png")
        if name.endswith("10"):
            disparity = np.zeros((height, width), np.uint16)
            disparity[5, 7] = 10 * 256
            write_image(training / "disp_occ_0" / f"{name}.png", disparity)
            write_image(training / "obj_map" / f"{name}.png", (disparity > 0).astype(np.uint8))
    return tmp_path


def test_each_image_size_is_a_drive_with_its_own_camera(stereo: Path) -> None:
    for root in (stereo, stereo / "training"):
        first, second = open_drives(root)
        assert (first.name, first.frames, first.size) == ("kitti_2015/1242x375", [310, 311], (375, 1242))
        assert (second.name, second.frames, second.size) == ("kitti_2015/1241x376", [410], (376, 1241))
    assert second.camera.to_pixels(second.size)[0, 0].item() == pytest.approx(718.856, rel=1e-6)


def test_depth_is_focal_length_times_baseline_over_disparity(stereo: Path) -> None:
    drive = open_kitti_2015(stereo)[0]
    assert [drive.has_depth(frame) for frame in drive.frames] == [True, False]
    depth = drive.read_depth(310)
    assert depth[5, 7] == pytest.approx(721.5377 * 0.5327 / 10, rel=1e-6)
    assert (depth > 0).sum() == 1
    assert drive.read_masks(310)["moving"].sum() == 1
    assert drive.read_masks(311) == {}
    assert drive.has_partner(311)
    assert drive.read_image(310, partner=True)[0, 0, 0] == 3
    assert drive.partner_from_self is not None
    assert drive.partner_from_self[0, 3] == pytest.approx(-0.5327)


def test_the_official_calibration_wins_where_it_is_unpacked(stereo: Path) -> None:
    folder = stereo / "training" / "calib_cam_to_cam"
    folder.mkdir()
    (folder / "000003.txt").write_text(
        "P_rect_02: 700 0 600 0 0 700 170 0 0 0 1 0\nP_rect_03: 700 0 600 -350 0 700 170 0 0 0 1 0"
    )
    drive = open_kitti_2015(stereo)[0]
    assert drive.read_depth(310)[5, 7] == pytest.approx(700 * 0.5 / 10, rel=1e-6)
    assert drive.camera.to_pixels(drive.size)[0, 0].item() == pytest.approx(700, rel=1e-6)
    assert drive.camera.focal.dtype == torch.float32


def test_an_unknown_size_asks_for_the_calibration(stereo: Path) -> None:
    for folder in ("image_2", "image_3"):
        Image.new("RGB", (1238, 374)).save(stereo / "training" / folder / "000004_10.png")
    with pytest.raises(
        InputError, match=r"calib_cam_to_cam/000004\.txt: missing, needed for images of 1238x374; unpack"
    ):
        open_kitti_2015(stereo)


def test_missing_and_empty_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no KITTI 2015 stereo here"):
        open_kitti_2015(tmp_path)
    for folder in ("image_2", "disp_occ_0"):
        (tmp_path / "training" / folder).mkdir(parents=True)
    with pytest.raises(InputError, match="image_2: no KITTI 2015 images"):
        open_drives(tmp_path)


def test_the_real_frames_have_sane_depth_and_moving_cars(real_data: Path) -> None:
    (drive,) = open_drives(real_data / "kitti_2015")
    assert len(drive.frames) == 65
    for frame in drive.frames[:3]:
        sample = drive.depth_sample(frame)
        known = sample.depth[sample.depth > 0]
        assert 5 < known.median() < 40
        assert 0.1 < len(known) / sample.depth.numel() < 0.9
        assert sample.masks["moving"].any()
        assert sample.depth.shape == sample.image.shape[1:]
