import json
from pathlib import Path

import numpy as np
import pytest
import torch

from bag_files import D, K, camera_info, pictures, write_bag
from egodepth.data.footage.source import open_footage
from egodepth.data.readers.folder import FolderDrive
from egodepth.video.cloud.clip_cloud import CameraSource
from egodepth.video.cloud.clip_cloud import _camera as cloud_camera
from egodepth.video.learning import camera_of_clips, picked_frames
from egodepth.video.options import VideoOptions
from footage_scenes import street

SCENE = street(np.arange(8) * 3.0)


@pytest.mark.parametrize("kind", ["bag", "db3", "mcap"])
def test_the_camera_of_a_bag_is_used_for_its_frames_unless_another_is_given(kind: str, tmp_path: Path) -> None:
    path = write_bag(tmp_path / "drive", [*pictures(SCENE), *camera_info()], kind)
    clips, frames = {"drive": path}, tmp_path / "frames"
    picked = picked_frames(clips, frames, 1280)
    found = camera_of_clips(VideoOptions(clips=(path,), out=tmp_path), clips, frames, picked)
    assert (found.way, found.said) == ("given", f"from /front/camera_info in {path}")
    written = json.loads((frames / "camera.json").read_text())
    assert written["fx"] == pytest.approx(K[0])
    assert written["distortion"] == [*D, 0, 0, 0]
    assert FolderDrive(frames / "drive").read_image(0).shape == SCENE[0].shape
    found = camera_of_clips(VideoOptions(clips=(path,), out=tmp_path, fov_deg=50.0), clips, frames, picked)
    assert found.fov_deg == pytest.approx(50)
    assert FolderDrive(frames / "drive").camera.focal[0] == pytest.approx(0.5 / np.tan(np.radians(25)))


def test_a_cloud_takes_the_camera_of_the_bag_and_undoes_its_distortion(tmp_path: Path) -> None:
    path = write_bag(tmp_path / "drive", [*pictures(SCENE), *camera_info()])
    camera, undistortion = cloud_camera(CameraSource(), open_footage(path), (54, 96))
    assert undistortion
    assert undistortion.size == (54, 96)
    torch.testing.assert_close(undistortion.distorted.focal, torch.tensor([K[0] / 192, K[4] / 108]))
    torch.testing.assert_close(camera.focal, undistortion.camera.focal)
