"""Calibrations of other systems: the same camera, and the lens in OpenCV's order."""

import json
import math
from pathlib import Path

import pytest

from egodepth.data.cameras import find_camera_file, read_lens_rig
from egodepth.foundation.errors import InputError
from egodepth.geometry.distortion import FisheyeLens, Lens, RationalLens

SIZE = (480, 640)
KALIBR = """cam0:
  camera_model: pinhole
  distortion_coeffs: [-0.28, 0.07, 0.0002, 1.8e-05]
  distortion_model: {model}
  intrinsics: [458.654, 457.296, 327.215, 238.375]
  resolution: [640, 480]
cam1:
  camera_model: pinhole
  intrinsics: [1.0, 1.0, 1.0, 1.0]
"""
EUROC = """sensor_type: camera
T_BS: {cols: 4, rows: 4, data: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]}
resolution: [640, 480]
camera_model: pinhole
intrinsics: [458.654, 457.296, 327.215, 238.375] #fu, fv, cu, cv
distortion_model: radial-tangential
distortion_coefficients: [-0.28, 0.07, 0.0002, 1.8e-05]
"""
ORB_SLAM = """%YAML:1.0
Camera.type: "{kind}"
{prefix}.fx: 458.654
{prefix}.fy: 457.296
{prefix}.cx: 327.215
{prefix}.cy: 238.375
{prefix}.k1: -0.28
{prefix}.k2: 0.07
{prefix}.{third}: 0.0002
{prefix}.{fourth}: 0.000018
Camera.width: 640
Camera.height: 480
"""
VINS = """%YAML:1.0
---
model_type: PINHOLE
camera_name: camera
image_width: 640
image_height: 480
distortion_parameters: {k1: -0.28, k2: 0.07, p1: 0.0002, p2: 0.000018}
projection_parameters: {fx: 458.654, fy: 457.296, cx: 327.215, cy: 238.375}
"""
VINS_FISHEYE = """model_type: KANNALA_BRANDT
image_width: 640
image_height: 480
projection_parameters:
   {k2: -0.28, k3: 0.07, k4: 0.0002, k5: 0.000018, mu: 458.654, mv: 457.296, u0: 327.215, v0: 238.375}
"""
NERFSTUDIO = {"w": 640, "h": 480, "fl_x": 458.654, "fl_y": 457.296, "cx": 327.715, "cy": 238.875, "frames": []}
COEFFICIENTS = {"k1": -0.28, "k2": 0.07, "p1": 0.0002, "p2": 0.000018}
OPENCV_STEREO = """%YAML:1.0
M1: !!opencv-matrix {rows: 3, cols: 3, dt: d, data: [458.654, 0, 327.215, 0, 457.296, 238.375, 0, 0, 1]}
D1: !!opencv-matrix {rows: 1, cols: 4, dt: d, data: [-0.28, 0.07, 0.0002, 0.000018]}
M2: !!opencv-matrix {rows: 3, cols: 3, dt: d, data: [1, 0, 1, 0, 1, 1, 0, 0, 1]}
"""
RADIAL = RationalLens(-0.28, 0.07, 0.0002, 0.000018)
FISHEYE = FisheyeLens(-0.28, 0.07, 0.0002, 0.000018)
FILES = {
    "camchain.yaml": (KALIBR.format(model="radtan"), RADIAL),
    "camchain-fisheye.yaml": (KALIBR.format(model="equidistant"), FISHEYE),
    "sensor.yaml": (EUROC, RADIAL),
    "TUM1.yaml": (ORB_SLAM.format(kind="PinHole", prefix="Camera", third="p1", fourth="p2"), RADIAL),
    "ORB-SLAM3.yaml": (ORB_SLAM.format(kind="PinHole", prefix="Camera1", third="p1", fourth="p2"), RADIAL),
    "KB8.yaml": (ORB_SLAM.format(kind="KannalaBrandt8", prefix="Camera", third="k3", fourth="k4"), FISHEYE),
    "cam0_pinhole.yaml": (VINS, RADIAL),
    "cam0_fisheye.yaml": (VINS_FISHEYE, FISHEYE),
    "transforms.json": (json.dumps(NERFSTUDIO | COEFFICIENTS | {"camera_model": "OPENCV"}), RADIAL),
    "intrinsics.yml": (OPENCV_STEREO, RADIAL),
}


@pytest.mark.parametrize("name", FILES)
def test_calibrations_of_other_systems_are_found_and_read(tmp_path: Path, name: str) -> None:
    text, lens = FILES[name]
    (tmp_path / name).write_text(text)
    path = find_camera_file(tmp_path)
    assert path == tmp_path / name
    rig, found = read_lens_rig(path, SIZE)
    matrix = rig.camera.to_pixels(SIZE)
    values = [matrix[0, 0].item(), matrix[1, 1].item(), matrix[0, 2].item(), matrix[1, 2].item()]
    assert values == pytest.approx([458.654, 457.296, 327.215, 238.375], abs=1e-3)
    assert type(found) is type(lens)
    assert found == pytest.approx(lens)


def test_an_angle_of_view_is_enough_for_nerfstudio(tmp_path: Path) -> None:
    (tmp_path / "transforms.json").write_text(json.dumps({"camera_angle_x": math.radians(70), "w": 640, "h": 480}))
    rig, lens = read_lens_rig(tmp_path / "transforms.json", SIZE)
    assert lens is None
    assert 2 * math.degrees(math.atan(0.5 / rig.camera.focal[0].item())) == pytest.approx(70, abs=1e-3)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (KALIBR.format(model="fov"), "unknown distortion model 'fov'"),
        (EUROC.replace("pinhole", "omni"), "the camera model 'omni' is not understood"),
        (EUROC.replace(", 238.375]", "]"), "3 intrinsics"),
        (VINS.replace("PINHOLE", "MEI"), "the camera model 'MEI' is not understood"),
        (VINS.replace("cy: 238.375", "cz: 3"), "no 'cy'"),
        (ORB_SLAM.format(kind="Spherical", prefix="Camera", third="p1", fourth="p2"), "Camera.type Spherical"),
        (
            ORB_SLAM.format(kind="PinHole", prefix="Camera", third="p1", fourth="p2").replace("458.654", "[x]"),
            "no number",
        ),
    ],
)
def test_what_is_not_understood_of_them_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "camera.yaml").write_text(text)
    with pytest.raises(InputError, match=said) as error:
        read_lens_rig(tmp_path / "camera.yaml", SIZE)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("calibration.xml", "<opencv_storage>\n<Camera_Matrix type_id='opencv-matrix'>\n</Camera_Matrix>\n"),
        ("camera.ini", "[left]\nfx = 500\nfy = 500\n"),
        ("params.json", '{"focal_length": 500}'),
    ],
)
def test_a_calibration_that_is_not_understood_is_named_and_not_passed_over(
    tmp_path: Path, name: str, text: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=f"{name}: looks like a calibration, but its format is not supported"):
        find_camera_file(tmp_path, tmp_path.parent)
    (tmp_path / "camera.json").write_text('{"fov_deg": 70}')
    assert find_camera_file(tmp_path) == tmp_path / "camera.json"


def test_other_files_beside_frames_are_no_calibration(tmp_path: Path) -> None:
    (tmp_path / "notes.yaml").write_text("weather: sunny\nlens: focal length about 35\n")
    (tmp_path / "footage.json").write_text('{"intrinsics": 1}')
    assert find_camera_file(tmp_path) == tmp_path / "camera.json"


def test_open3d_writes_its_matrix_column_by_column(tmp_path: Path) -> None:
    values = {"width": 640, "height": 480, "intrinsic_matrix": [500.0, 0, 0, 0, 510.0, 0, 330.0, 250.0, 1]}
    path = tmp_path / "camera_intrinsic.json"
    path.write_text(json.dumps(values))
    rig, lens = read_lens_rig(path, SIZE)
    matrix = rig.camera.to_pixels(SIZE)
    assert [round(matrix[i].item(), 3) for i in ((0, 0), (1, 1), (0, 2), (1, 2))] == [500, 510, 330, 250]
    assert lens is None
    (tmp_path / "labels.json").write_text('{"cars": 3}')
    assert find_camera_file(tmp_path) == path
    path.write_text(json.dumps(values | {"intrinsic_matrix": [1, 2]}))
    with pytest.raises(InputError, match="2 numbers in intrinsic_matrix, not 9"):
        read_lens_rig(path, SIZE)


MATRIX = [[458.654, 0, 327.215], [0, 457.296, 238.375], [0, 0, 1]]
BY_HAND = {"fx": 458.654, "fy": 457.296, "cx": 327.215, "cy": 238.375}


@pytest.mark.parametrize(
    ("name", "text", "lens"),
    [
        ("calib.yaml", "fx: 458.654\nfy: 457.296\ncx: 327.215\ncy: 238.375\n", None),
        ("calib.yaml", "\n".join(f"{k}: {v}" for k, v in BY_HAND.items()) + "\nk1: -0.3\nk2: 0.1\n", (-0.3, 0.1)),
        (
            "calib.yaml",
            json.dumps({**BY_HAND, "width": 640, "height": 480, "distortion": [-0.3, 0.1, 0, 0]}, indent=1),
            (-0.3, 0.1),
        ),
        (
            "calibration.json",
            json.dumps({"camera_matrix": MATRIX, "dist_coeff": [[-0.3, 0.1, 0, 0, 0.05]]}, indent=1),
            (-0.3, 0.1, 0, 0, 0.05),
        ),
        ("K.json", json.dumps({"K": MATRIX, "width": 640, "height": 480}, indent=1), None),
    ],
)
def test_what_people_write_by_hand_or_dump_is_read_and_found(tmp_path: Path, name: str, text: str, lens) -> None:
    path = tmp_path / name
    path.write_text(text)
    rig, found = read_lens_rig(path, SIZE)
    matrix = rig.camera.to_pixels(SIZE)
    assert [round(matrix[i].item(), 3) for i in ((0, 0), (1, 1), (0, 2), (1, 2))] == [*BY_HAND.values()]
    assert found == (None if lens is None else RationalLens(*lens))
    assert find_camera_file(tmp_path) == path


def test_what_was_found_in_a_file_is_said_and_what_it_needs(tmp_path: Path) -> None:
    path = tmp_path / "robot.yaml"
    path.write_text("wheels: 4\nmass: 20\n")
    with pytest.raises(InputError, match=r"no camera_matrix .* or fx fy cx cy, but wheels, mass; give another file"):
        read_lens_rig(path, SIZE)
    with pytest.raises(InputError, match="a folder; name the camera file in it"):
        read_lens_rig(tmp_path, SIZE)


@pytest.mark.parametrize(
    ("more", "lens"),
    [
        ("distortion: {k1: -0.28}", RationalLens(-0.28)),
        ("distortion_coeffs: [-0.28, 0.07, 0, 0]", RationalLens(-0.28, 0.07)),
        ("distortion_model: equidistant\nk1: 0.1\nk2: 0.2\nk3: 0.3\nk4: 0.4", FisheyeLens(0.1, 0.2, 0.3, 0.4)),
        ("distortion_parameters: {k1: -0.28}", "'distortion_parameters' is of a lens that is not understood"),
        ("skew: 5", "is not a camera matrix"),
        ("camera_model: mei", "the camera model 'mei' is not understood"),
        ("width: [640, 480]\nheight: 480", "width is not one number"),
    ],
)
def test_yaml_by_hand_drops_nothing_of_the_lens(tmp_path: Path, more: str, lens: Lens | str) -> None:
    path = tmp_path / "calib.yaml"
    path.write_text("\n".join(f"{key}: {value}" for key, value in BY_HAND.items()) + f"\n{more}\n")
    if isinstance(lens, str):
        with pytest.raises(InputError, match=lens):
            read_lens_rig(path, SIZE)
    else:
        assert read_lens_rig(path, SIZE)[1] == lens


EQUIDISTANT = {"model": "equidistant", "k1": 0.1, "k2": 0.2, "k3": 0.3}


@pytest.mark.parametrize(
    ("more", "lens"),
    [
        ({"distortion": {"type": "radtan", "parameters": [-0.3, 0.1, 0, 0]}}, RationalLens(-0.3, 0.1)),
        ({"distortion": EQUIDISTANT}, FisheyeLens(0.1, 0.2, 0.3)),
        ({"projection_type": "fisheye", "D": [0.1, 0.2, 0.3, 0.4]}, FisheyeLens(0.1, 0.2, 0.3, 0.4)),
        ({"camera_model": "OPENCV_FISHEYE", "D": [0.1, 0.2, 0.3, 0.4]}, FisheyeLens(0.1, 0.2, 0.3, 0.4)),
        ({"camera_model": "simple_pinhole", "model": "D435", "coeffs": [0, 0, 0, 0, 0]}, None),
        ({"distortion_type": "radtan", "D": [-0.3, 0.1, 0, 0]}, RationalLens(-0.3, 0.1)),
        ({"distortion": "none", "distortion_units": "normalized", "radial_distortion": [0, 0]}, None),
        ({"k1": -0.3, "k2": 0.1, "k3": 0.01, "k4": 0.0}, RationalLens(-0.3, 0.1, 0, 0, 0.01)),
        ({"M2": [[1, 0, 0], [0, 1, 0], [0, 0, 1]], "P1": [[1, 0, 0, 0]] * 3, "P2": [[1, 0, 0, 9]] * 3}, None),
        ({"distortion": {"a": [0.1]}}, "'a' of distortion is not understood"),
        ({"model": "fisheye624", "D": [0.1, 0.2, 0.3, 0.4]}, "the camera model 'fisheye624' is not understood"),
        ({"height": 480}, "height alone; give both sides"),
    ],
)
def test_json_of_others_drops_nothing_of_the_lens(tmp_path: Path, more: dict, lens: Lens | str | None) -> None:
    path = tmp_path / "camera_info.json"
    path.write_text(json.dumps({**BY_HAND, "name": "front", **more}))
    if isinstance(lens, str):
        with pytest.raises(InputError, match=lens):
            read_lens_rig(path, SIZE)
    else:
        found = read_lens_rig(path, SIZE)[1]
        assert (type(found), found) == (type(lens), lens)


def test_a_partner_is_never_lost_for_a_word_of_another(tmp_path: Path) -> None:
    path = tmp_path / "left.json"
    path.write_text(json.dumps({**BY_HAND, "partner": {"baseline_m": 0.5}, "comment": "front"}))
    with pytest.raises(InputError, match="unknown key 'comment'"):
        read_lens_rig(path, SIZE)


def test_an_opencv_stereo_file_has_the_projections_of_both_cameras(tmp_path: Path) -> None:
    matrix = "!!opencv-matrix\n   rows: {}\n   cols: {}\n   dt: d\n   data: [{}]\n"
    camera = matrix.format(3, 3, "458.654, 0, 327.215, 0, 457.296, 238.375, 0, 0, 1")
    projection = matrix.format(3, 4, "458, 0, 320, 0, 0, 458, 240, 0, 0, 0, 1, 0")
    lens = matrix.format(1, 5, "-0.1, 0.02, 0, 0, 0")
    entries = {"M1": camera, "D1": lens, "M2": camera, "D2": lens, "P1": projection, "P2": projection}
    path = tmp_path / "stereo.yml"
    path.write_text("%YAML:1.0\n---\n" + "".join(f"{name}: {text}" for name, text in entries.items()))
    assert find_camera_file(tmp_path) == path
    assert read_lens_rig(path, SIZE)[1] == RationalLens(-0.1, 0.02)
