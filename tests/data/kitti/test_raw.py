from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from egodepth.data.images import write_image
from egodepth.data.kitti import KittiDrive, open_kitti_raw, velodyne_depth_map
from egodepth.data.opening import open_drives
from egodepth.foundation.errors import InputError

NAME = "2011_09_26_drive_0005_sync"


def test_every_level_of_the_folders_opens(date: Path) -> None:
    for root in (date.parent, date, date / NAME):
        assert [drive.name for drive in open_drives(root)] == [f"{NAME}/image_02", f"{NAME}/image_03"]


def test_a_drive_knows_its_frames_its_partner_and_its_truth(date: Path) -> None:
    drive = KittiDrive(date / NAME, 3)
    assert (drive.frames, drive.size) == ([0, 1, 2], (6, 12))
    assert drive.read_image(2)[0, 0].tolist() == [3, 2, 0]
    assert drive.read_image(2, partner=True)[0, 0].tolist() == [2, 2, 0]
    assert [drive.has_depth(frame) for frame in drive.frames] == [False, True, False]
    assert drive.read_depth(1)[2, 5 - 1] == 5.25  # one pixel off and x for z, as published; 0.5 m to the right
    with pytest.raises(InputError, match="frame 0 has no true depth"):
        drive.read_depth(0)
    correct = KittiDrive(date / NAME, 2, truth="lidar-z")
    assert correct.read_depth(1)[3, 6] == pytest.approx(5, rel=1e-6)


def test_the_partner_is_half_a_metre_away_on_its_own_side(date: Path) -> None:
    for camera, shift in ((2, -0.5), (3, 0.5)):
        pose = KittiDrive(date / NAME, camera).partner_from_self
        assert pose is not None
        np.testing.assert_allclose(pose[:3, 3], [shift, 0, 0])


def test_improved_maps_are_read_from_their_own_folder(date: Path, tmp_path: Path) -> None:
    values = np.full((6, 12), 640, np.uint16)
    write_image(tmp_path / "val" / NAME / "proj_depth" / "groundtruth" / "image_02" / "0000000002.png", values)
    drive = KittiDrive(date / NAME, 2, truth="improved", improved_dir=tmp_path)
    assert [frame for frame in drive.frames if drive.has_depth(frame)] == [2]
    assert (drive.read_depth(2) == 2.5).all()
    with pytest.raises(InputError, match="improved depth maps need their folder"):
        KittiDrive(date / NAME, truth="improved")


def test_resized_images_keep_the_camera_and_cropped_ones_are_refused(date: Path) -> None:
    camera = KittiDrive(date / NAME).camera
    for size, fits in (((24, 12), True), ((12, 4), False)):
        for path in (date / NAME).glob("image_0*/data/*.png"):
            Image.new("RGB", size).save(path)
        if fits:
            assert (KittiDrive(date / NAME).camera.centre == camera.centre).all()
        else:
            with pytest.raises(InputError, match="calibrated for 12x6, but the images are 12x4"):
                KittiDrive(date / NAME)


def test_packed_missing_and_empty_drives_are_named(date: Path, tmp_path: Path) -> None:
    (tmp_path / "zips" / "2011_09_26").mkdir(parents=True)
    (tmp_path / "zips" / "2011_09_26" / f"{NAME}.zip").touch()
    with pytest.raises(InputError, match=rf"{NAME}\.zip: still packed; unpack"):
        open_drives(tmp_path / "zips")
    for path in (date / NAME / "image_02" / "data").iterdir():
        path.unlink()
    with pytest.raises(InputError, match="image_02/data: no images in this folder"):
        open_kitti_raw(date)
    (date / "calib_cam_to_cam.txt").unlink()
    with pytest.raises(InputError, match=r"calib_cam_to_cam\.txt: cannot be read; unpack"):
        open_drives(date / NAME)
    (tmp_path / "bare" / NAME).mkdir(parents=True)
    with pytest.raises(InputError, match="no KITTI drive with colour images"):
        open_drives(tmp_path / "bare")


def test_absurd_calibration_is_named_with_its_file(date: Path) -> None:
    path = date / "calib_cam_to_cam.txt"
    path.write_text(path.read_text().replace("P_rect_02: 6.0", "P_rect_02: 600"))
    with pytest.raises(InputError, match=r"calib_cam_to_cam\.txt: fx is 600 px"):
        KittiDrive(date / NAME)


def test_a_drive_without_the_other_camera_has_no_partner(date: Path) -> None:
    (date / NAME / "image_03").rename(date / "away")
    drive = KittiDrive(date / NAME)
    assert drive.partner_camera is None
    assert not drive.has_partner(0)
    with pytest.raises(InputError, match="the drive lacks image_03"):
        drive.read_image(0, partner=True)


def test_the_real_date_has_its_published_calibration(real_data: Path) -> None:
    drives = {drive.name: drive for drive in open_drives(real_data / "kitti_raw")}
    left = drives["2011_09_26_drive_0001_sync/image_02"]
    right = drives["2011_09_26_drive_0001_sync/image_03"]
    assert left.frames == [0, 1, 2, 3, 4, 5, 25, 45, 65, 85]
    pixels = left.camera.to_pixels(left.size)
    assert pixels[0, 0].item() == pytest.approx(721.5377, rel=1e-6)
    assert pixels[1, 2].item() == pytest.approx(172.854, rel=1e-5)
    assert left.partner_from_self is not None
    assert right.partner_from_self is not None
    assert left.partner_from_self[0, 3] == pytest.approx(-0.5327, abs=5e-5)
    np.testing.assert_allclose(left.partner_from_self @ right.partner_from_self, np.eye(4), atol=1e-7)
    scan = real_data / "kitti_raw/2011_09_26/2011_09_26_drive_0001_sync/velodyne_points/data/0000000005.bin"
    expected = velodyne_depth_map(real_data / "kitti_raw" / "2011_09_26", scan, 3)
    assert np.array_equal(right.read_depth(5), expected)
    assert left.depth_sample(5).name == "2011_09_26_drive_0001_sync/image_02/0000000005"
