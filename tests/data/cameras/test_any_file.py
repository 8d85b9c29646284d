import json
from pathlib import Path
from typing import Any

import pytest

from egodepth.data.cameras import find_camera_file, read_camera, read_lens_rig, read_rig, write_camera
from egodepth.foundation.errors import InputError
from egodepth.geometry.distortion import FisheyeLens, Lens, RationalLens

SIZE = (375, 1242)
PIXELS = {"width": 1242, "height": 375, "fx": 721.5, "fy": 721.5, "cx": 609.6, "cy": 172.9}
MATRIX = "721.5 0 609.6 0 721.5 172.9 0 0 1"


def written(folder: Path, change: dict[str, Any]) -> Path:
    path = folder / "camera.json"
    path.write_text(json.dumps({**PIXELS, **change}))
    return path


@pytest.mark.parametrize(
    ("change", "lens"),
    [
        ({"distortion": [-0.3, 0.1, 0, 0]}, RationalLens(-0.3, 0.1)),
        ({"distortion": [-0.3, 0.1, 0, 0, 0.01], "distortion_model": "plumb_bob"}, RationalLens(-0.3, 0.1, 0, 0, 0.01)),
        ({"distortion": [0.1, 0.2, 0.3, 0.4], "distortion_model": "fisheye"}, FisheyeLens(0.1, 0.2, 0.3, 0.4)),
        ({"distortion": [0, 0, 0, 0]}, None),
        ({"distortion": []}, None),
        ({}, None),
    ],
)
def test_a_camera_file_may_have_distortion(tmp_path: Path, change: dict[str, Any], lens: Lens | None) -> None:
    rig, found = read_lens_rig(written(tmp_path, change), SIZE)
    assert found == lens
    assert type(found) is type(lens)
    assert rig.camera.focal[0] == pytest.approx(721.5 / 1242)
    write_camera(tmp_path / "again.json", rig.camera, SIZE, lens=found)
    assert read_lens_rig(tmp_path / "again.json", SIZE)[1] == lens


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"distortion": -0.3}, r'write "distortion": \[k1, k2, p1, p2, k3\]'),
        ({"distortion": ["a"]}, r'write "distortion": \['),
        ({"distortion": [True, 0, 0, 0]}, r'write "distortion": \['),
        ({"distortion_model": "fisheye"}, r'write "distortion": \['),
        ({"distortion": [1], "distortion_model": 3}, r'write "distortion": \['),
        ({"distortion": [-0.3]}, "give 4, 5 or 8 coefficients"),
        ({"distortion": [float("inf"), 0, 0, 0]}, "not a finite number"),
        ({"distortion": [0.1, 0, 0, 0], "partner": {"baseline_m": 0.5}}, "a stereo pair with distortion is not rect"),
        ({"distortion": [1, 2, 3, 4], "distortion_model": "x"}, "unknown distortion model 'x'"),
    ],
)
def test_absurd_distortion_is_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = written(tmp_path, change)
    with pytest.raises(InputError, match=message) as error:
        read_lens_rig(path, SIZE)
    assert str(error.value).startswith(f"{path}: ")


def test_distortion_beside_a_field_of_view_alone_is_refused(tmp_path: Path) -> None:
    (tmp_path / "camera.json").write_text('{"fov_deg": 80, "distortion": [-0.3, 0, 0, 0]}')
    with pytest.raises(InputError, match="distortion belongs to a calibration in pixels"):
        read_rig(tmp_path / "camera.json", SIZE)


def test_who_takes_images_as_they_are_gets_no_lens_with_distortion(tmp_path: Path) -> None:
    path = written(tmp_path, {"distortion": [-0.3, 0.1, 0, 0]})
    for read in (read_rig, read_camera):
        with pytest.raises(InputError, match=f"egodepth data undistort FRAMES --camera {path} --out DIR"):
            read(path, SIZE)


def test_a_folders_camera_file_is_found_whatever_its_kind(tmp_path: Path) -> None:
    own, above = tmp_path / "set" / "clip", tmp_path / "set"
    own.mkdir(parents=True)
    assert find_camera_file(own, above) == own / "camera.json"
    (above / "cam.txt").write_text(MATRIX)
    assert find_camera_file(own, above) == above / "cam.txt"
    (own / "dvc.yaml").write_text("stages: 3")
    (own / "ost.yaml").write_text("camera_matrix: 3")
    assert find_camera_file(own, above) == own / "ost.yaml"
    (own / "calib.txt").touch()
    with pytest.raises(InputError, match=r"clip: several camera files \(calib\.txt, ost\.yaml\); keep one, or write"):
        find_camera_file(own, above)
    written(own, {})
    assert find_camera_file(own, above) == own / "camera.json"
