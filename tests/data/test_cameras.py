import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from egodepth.data.cameras import check_camera, horizontal_fov_deg, read_camera, read_rig, write_camera
from egodepth.foundation.errors import InputError
from egodepth.geometry.camera import Camera

SIZE = (375, 1242)
KITTI = {"width": 1242, "height": 375, "fx": 721.5377, "fy": 721.5377, "cx": 609.5593, "cy": 172.854}


def written(folder: Path, values: Any) -> Path:
    path = folder / "camera.json"
    path.write_text(json.dumps(values))
    return path


def test_pixels_are_normalised_edge_to_edge(tmp_path: Path) -> None:
    camera = read_camera(written(tmp_path, KITTI), SIZE)
    np.testing.assert_allclose(camera.focal, [721.5377 / 1242, 721.5377 / 375], rtol=1e-6)
    np.testing.assert_allclose(camera.centre, [610.0593 / 1242, 173.354 / 375], rtol=1e-6)
    assert camera.focal.dtype == torch.float32


def test_a_resized_image_has_the_same_camera(tmp_path: Path) -> None:
    path = written(tmp_path, KITTI)
    for resized in ((192, 640), (320, 1024)):
        assert torch.equal(read_camera(path, resized).focal, read_camera(path, SIZE).focal)


def test_a_crop_is_refused(tmp_path: Path) -> None:
    for crop in ((352, 1216), (375, 1000)):
        with pytest.raises(InputError, match=r"camera\.json: calibrated for 1242x375, but the images are \d+x\d+"):
            read_camera(written(tmp_path, KITTI), crop)


def test_a_field_of_view_is_enough(tmp_path: Path) -> None:
    camera = read_camera(written(tmp_path, {"fov_deg": 90}), (300, 600))
    np.testing.assert_allclose(camera.focal, [0.5, 1.0], rtol=1e-6)
    np.testing.assert_allclose(camera.centre, [0.5, 0.5], rtol=1e-6)
    assert horizontal_fov_deg(camera) == pytest.approx(90, abs=1e-4)


def test_a_camera_written_is_read_back_with_its_partner(tmp_path: Path) -> None:
    camera = Camera(torch.tensor([0.58, 1.92]), torch.tensor([0.49, 0.46]))
    partner = Camera(torch.tensor([0.6, 1.9]), torch.tensor([0.5, 0.47]))
    path = tmp_path / "camera.json"
    write_camera(path, camera, SIZE, partner, 0.54)
    rig = read_rig(path, SIZE)
    assert rig.partner_camera is not None
    assert rig.partner_from_self is not None
    for read, expected in ((rig.camera, camera), (rig.partner_camera, partner)):
        torch.testing.assert_close(read.focal, expected.focal, rtol=1e-6, atol=0)
        torch.testing.assert_close(read.centre, expected.centre, rtol=1e-6, atol=0)
    # A point straight ahead is to the left of a partner on the right.
    np.testing.assert_allclose(rig.partner_from_self @ [0, 0, 10, 1], [-0.54, 0, 10, 1], rtol=1e-6)


def test_a_partner_may_leave_out_what_it_shares(tmp_path: Path) -> None:
    rig = read_rig(written(tmp_path, {**KITTI, "partner": {"baseline_m": -0.2}}), SIZE)
    assert rig.partner_camera is rig.camera
    assert rig.partner_from_self is not None
    assert rig.partner_from_self[0, 3] == pytest.approx(0.2)
    write_camera(tmp_path / "alone.json", rig.camera, SIZE)
    assert read_rig(tmp_path / "alone.json", SIZE).partner_from_self is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fx": 200}, "fx is 200 px, 0.161 widths of a 1242x375 image, where 0.2 to 5.0 are possible"),
        ({"fy": 7000}, "fy is 7000 px, 5.64 widths"),
        ({"fx": -721.5}, "fx is -721.5 px"),
        ({"fx": math.nan}, "not a finite number"),
        ({"fy": math.inf}, "not a finite number"),
        ({"cx": 1300}, "cx is 1300 px, outside a 1242x375 image"),
        ({"cy": -20}, "cy is -20 px, outside"),
        ({"fx": "wide"}, "fx is 'wide', not a number"),
        ({"fx": True}, "fx is True, not a number"),
        ({"width": 0}, "size 0x375"),
        ({"width": math.nan}, "size nanx375"),
        ({"width": math.inf}, "size infx375"),
        ({"k1": 0.1}, "unknown key 'k1'"),
        ({"fov_deg": 80}, "no fx, fy, cx, cy beside it"),
        ({"partner": {"fx": 700}}, "'partner' needs 'baseline_m'"),
        ({"partner": {"baseline_m": 0}}, "baseline_m 0 is not a stereo baseline"),
        ({"partner": {"baseline_m": 0.5, "fx": 700}}, "'fy' is missing"),
    ],
)
def test_absurd_values_are_named_with_file_and_remedy(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as error:
        read_rig(written(tmp_path, {**KITTI, **change}), SIZE)
    assert message in str(error.value)
    assert str(error.value).startswith(f"{tmp_path}/camera.json: ")
    assert "\n" not in str(error.value)


def test_absurd_fields_of_view_are_refused(tmp_path: Path) -> None:
    for fov, field in ((0, "fov_deg"), (180, "fov_deg"), (170, "fx"), (5, "fx")):
        with pytest.raises(InputError, match=rf"camera\.json: {field} is"):
            read_camera(written(tmp_path, {"fov_deg": fov}), SIZE)


def test_missing_and_damaged_files_say_how_to_write_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r'camera\.json: no camera file; write {"fov_deg": 70}'):
        read_camera(tmp_path / "camera.json", SIZE)
    (tmp_path / "camera.json").write_text('{"fx": ')
    with pytest.raises(InputError, match=r"camera\.json: not a readable JSON file; write"):
        read_camera(tmp_path / "camera.json", SIZE)
    with pytest.raises(InputError, match="not a JSON object"):
        read_camera(written(tmp_path, [1]), SIZE)
    with pytest.raises(InputError, match="'fx' is missing"):
        read_camera(written(tmp_path, {}), SIZE)


def test_a_check_returns_a_sound_camera() -> None:
    camera = Camera(torch.tensor([0.58, 1.92]), torch.tensor([0.5, 0.5]))
    assert check_camera(camera, SIZE, "here") is camera
