"""The camera file of a training that learns the focal length."""

import json
from pathlib import Path

import pytest
import torch

from egodepth.data.readers.folder import FolderDrive
from egodepth.foundation.errors import InputError
from egodepth.training.learned_camera import description, learned_camera, write_learned_camera

SIZE = (64, 96)


@pytest.fixture
def drive(make_clip, tmp_path: Path) -> FolderDrive:
    return FolderDrive(make_clip(tmp_path / "clip", frames=2, size=SIZE))


def test_what_is_written_is_read_back_for_images_of_any_size_of_the_shape(drive, tmp_path: Path, assert_close):
    write_learned_camera(tmp_path, [drive], 1.25)
    for size in (SIZE, (640, 960)):
        camera = learned_camera(tmp_path, size)
        assert_close(camera.focal, 1.25 * drive.camera.focal)
        assert_close(camera.centre, drive.camera.centre)
    assert json.loads((tmp_path / "camera.json").read_text())["width"] == 96
    with pytest.raises(InputError, match="another shape"):
        learned_camera(tmp_path, (64, 192))


def test_drives_of_one_camera_have_one_camera(drive, tmp_path: Path):
    write_learned_camera(tmp_path, [drive, drive], 1.25)
    assert (tmp_path / "camera.json").is_file()


def test_drives_of_several_cameras_have_none(drive, make_clip, tmp_path: Path):
    other = make_clip(tmp_path / "other", frames=2, size=SIZE)
    (other / "camera.json").write_text('{"fov_deg": 60}')
    drives = [drive, FolderDrive(other)]
    write_learned_camera(tmp_path, drives, 1.25)
    assert not (tmp_path / "camera.json").exists()
    assert description(drives, 1.25) == ("learned camera: 1.250 times the given focal length, for all cameras")
    with pytest.raises(InputError, match=r"has no learned camera; train .* --data\.camera learned"):
        learned_camera(tmp_path, SIZE)


def test_the_line_says_it_in_widths_pixels_and_degrees(drive):
    # 70 degrees are 0.5 / tan(35 degrees) = 0.714 widths of 96 pixels; 0.7 times that, 0.5 widths, are 90 degrees.
    assert description([drive], 0.7002075) == (
        "learned camera: focal length 0.500 image widths (48 px of 96), horizontal field of view 90.0 degrees, "
        "0.700 times the given focal length"
    )


def test_a_focal_length_that_ran_away_is_said_and_not_used(drive, tmp_path: Path):
    assert description([drive], 20.0).endswith("this is not plausible: do not use it")
    write_learned_camera(tmp_path, [drive], 20.0)
    with pytest.raises(InputError, match="fx is"):
        learned_camera(tmp_path, SIZE)


def test_a_factor_does_not_change_the_drives_own_camera(drive, tmp_path: Path):
    before = [part.clone() for part in drive.camera]
    write_learned_camera(tmp_path, [drive], 1.25)
    assert all(map(torch.equal, drive.camera, before))
