import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from egodepth.cli import main
from egodepth.data.drive import Drive
from egodepth.data.footage.stereo import check_stereo, stereo_warnings
from egodepth.data.opening import open_drives


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("stereo") / "set"
    words = "--train 1 --val 0 --test 0 --frames 3 --processes 1"
    main(["data", "render", "--out", str(root), *words.split()])
    return root


@pytest.fixture
def drive(rendered: Path) -> Drive:
    return open_drives(rendered, "train")[0]


def test_pairs_that_are_as_the_camera_file_says_pass(drive: Drive):
    check = check_stereo(drive)
    assert check is not None
    assert check.right_side > 0.95
    assert check.height < 0.002
    assert check.baseline_m == pytest.approx(0.54, rel=0.12)
    assert check.warnings(drive) == []


def test_exchanged_cameras_are_told(drive: Drive):
    assert drive.partner_from_self is not None
    drive.partner_from_self = np.linalg.inv(drive.partner_from_self)
    (warning,) = stereo_warnings([drive])
    assert "from the other side" in warning


def test_a_wrong_baseline_is_told_where_there_is_true_depth(drive: Drive):
    assert drive.partner_from_self is not None
    drive.partner_from_self = drive.partner_from_self.copy()
    drive.partner_from_self[0, 3] *= 2
    (warning,) = stereo_warnings([drive])
    assert "by true depth the baseline is 0.5" in warning
    assert "not 1.0" in warning


class Shifted(Drive):
    """A drive whose partner's images are changed."""

    def __init__(self, drive: Drive, change) -> None:
        self.name, self.frames, self.size, self.camera = drive.name, drive.frames, drive.size, drive.camera
        self.partner_camera, self.partner_from_self = drive.partner_camera, drive.partner_from_self
        self._drive, self._change = drive, change

    def read_image(self, frame: int, partner: bool = False) -> np.ndarray:
        image = self._drive.read_image(frame, partner)
        return self._change(image) if partner else image


def test_pairs_that_are_not_rectified_are_told(drive: Drive):
    shifted = Shifted(drive, lambda image: np.roll(image, 3, axis=0))
    (warning,) = stereo_warnings([shifted])
    assert "higher or lower: rectify them" in warning


def test_pairs_of_other_instants_hardly_match(drive: Drive):
    def farther_ahead(image: np.ndarray) -> np.ndarray:
        height, width = image.shape[:2]
        box = (0.16 * width, 0, 0.84 * width, height)  # to either side, from the middle
        return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC, box))

    (warning,) = stereo_warnings([Shifted(drive, farther_ahead)])
    assert "hardly match" in warning


def test_mirrored_partners_seem_to_be_from_the_other_side(drive: Drive):
    mirrored = Shifted(drive, lambda image: np.ascontiguousarray(image[:, ::-1]))
    assert any("other side" in warning for warning in stereo_warnings([mirrored]))


def test_without_a_partner_there_is_nothing_to_check(make_clip, tmp_path: Path):
    (alone,) = open_drives(make_clip(tmp_path / "clip"))
    assert check_stereo(alone) is None


def test_inspect_says_it_of_real_pairs_with_a_wrong_sign(real_data: Path, tmp_path: Path, capsys):
    source = (real_data / "kitti_raw" / "2011_09_26" / "2011_09_26_drive_0009_sync").resolve()
    clip = tmp_path / "clip"
    clip.mkdir()
    for left, right in zip(*(sorted((source / f"image_0{n}" / "data").iterdir())[:6] for n in (2, 3)), strict=True):
        (clip / left.name).symlink_to(left)
        (clip / "partner").mkdir(exist_ok=True)
        (clip / "partner" / right.name).symlink_to(right)
    camera = {"width": 1242, "height": 375, "fx": 721.5, "fy": 721.5, "cx": 609.6, "cy": 172.9}
    (clip / "camera.json").write_text(json.dumps(camera | {"partner": {"baseline_m": -0.54}}))
    main(["data", "inspect", str(clip)])
    assert "from the other side" in " ".join(capsys.readouterr().out.split())
    (clip / "camera.json").write_text(json.dumps(camera | {"partner": {"baseline_m": 0.54}}))
    main(["data", "inspect", str(clip)])
    assert "other side" not in capsys.readouterr().out
