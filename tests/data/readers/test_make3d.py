from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.io import savemat

from egodepth.data.images import write_image
from egodepth.data.opening import open_drives
from egodepth.data.readers.make3d import SIZE, open_make3d
from egodepth.foundation.errors import InputError


@pytest.fixture
def make3d(tmp_path: Path) -> Path:
    """Two images whose rows tell their place; the laser's rows likewise."""
    (tmp_path / "Gridlaserdata").mkdir()
    rows = np.arange(SIZE[0]) * 255 // SIZE[0]
    for position, name in enumerate(("10.21op2-p-015t000", "9.21op2-p-015t000")):
        image = np.broadcast_to(rows[:, None, None], (*SIZE, 3)).astype(np.uint8)
        write_image(tmp_path / "Test134" / f"img-{name}.jpg", image)
        grid = np.zeros((55, 305, 4))
        grid[..., 3] = (10 * position + 1 + np.arange(55))[:, None]
        savemat(tmp_path / "Gridlaserdata" / f"depth_sph_corr-{name}.mat", {"Position3DGrid": grid})
    return tmp_path


def test_image_and_truth_are_the_middle_half_as_high_as_wide(make3d):
    (drive,) = open_drives(make3d)
    assert (drive.name, drive.frames, drive.size) == ("make3d/Test134", [0, 1], (852, 1704))
    image = drive.read_image(0)
    assert image.shape == (852, 1704, 3)
    assert abs(int(image[0, 0, 0]) - 710 * 255 // 2272) <= 1  # (2272 - 852) / 2 rows are above it
    depth = drive.read_depth(1)
    assert depth.shape == (21, 305)
    assert depth.dtype == np.float32
    # Natural order: 9 comes before 10. Rows 17 to 37 of 55 have their centres in the middle 37.5 %.
    assert depth[:, 0].tolist() == list(range(18, 39))
    assert drive.read_depth(0)[0, 0] == 28


def test_the_camera_is_that_of_the_middle(make3d):
    camera = open_make3d(make3d)[0].camera
    matrix = camera.to_pixels((852, 1704))
    expected = torch.tensor([[2407.3313, 0, 833.7211], [0, 2400.2092, 400.7122], [0, 0, 1]])
    torch.testing.assert_close(matrix, expected, rtol=1e-5, atol=1e-3)


def test_what_is_missing_or_damaged_is_named(make3d):
    (drive,) = open_make3d(make3d)
    laser = make3d / "Gridlaserdata"
    (laser / "depth_sph_corr-9.21op2-p-015t000.mat").write_bytes(b"MATLAB 5.0, but no more than that")
    with pytest.raises(InputError, match=r"9\.21op2.*\.mat: not a laser file of Make3D .*unpack Test134Depth"):
        drive.read_depth(0)
    savemat(laser / "depth_sph_corr-9.21op2-p-015t000.mat", {"other": np.ones(3)})
    with pytest.raises(InputError, match=r"9\.21op2.*not a laser file of Make3D"):
        drive.read_depth(0)
    (laser / "depth_sph_corr-9.21op2-p-015t000.mat").unlink()
    assert [drive.has_depth(frame) for frame in drive.frames] == [False, True]
    write_image(make3d / "Test134" / "img-9.21op2-p-015t000.jpg", np.zeros((100, 50, 3), np.uint8))
    with pytest.raises(InputError, match=r"img-9.*: 50x100, not 1704x2272"):
        drive.read_image(0)
    for path in (make3d / "Test134").iterdir():
        path.unlink()
    with pytest.raises(InputError, match=r"Test134: no Make3D test images; unpack Test134\.tar\.gz"):
        open_make3d(make3d)
