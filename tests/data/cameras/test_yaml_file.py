from pathlib import Path

import pytest

from egodepth.data.cameras import read_lens_rig, read_rig
from egodepth.data.cameras.yaml_file import is_camera_yaml
from egodepth.foundation.errors import InputError
from egodepth.geometry.distortion import FisheyeLens, RationalLens

SIZE = (480, 640)
OPENCV = """%YAML:1.0
---
calibration_time: "Thu Nov 26 10:00:00 2026"
image_width: 640
image_height: 480
flags: 0
camera_matrix: !!opencv-matrix
   rows: 3
   cols: 3
   dt: d
   data: [ 6.5746697944293521e+002, 0., 3.1950000000000000e+002, 0.,
       6.5746697944293521e+002, 2.3950000000000000e+002, 0., 0., 1. ]
distortion_coefficients: !!opencv-matrix
   rows: 5
   cols: 1
   dt: d
   data: [ -4.1802327176423804e-001, 5.0715244063187526e-001, 0., 0.,
       -5.7843597214487474e-001 ]
avg_reprojection_error: 1.9e-001
"""
ROS = """image_width: 640
image_height: 480
camera_name: narrow_stereo
camera_matrix:
  rows: 3
  cols: 3
  data: [500.0, 0.0, 320.0, 0.0, 510.0, 240.0, 0.0, 0.0, 1.0]
distortion_model: {model}
distortion_coefficients:
  rows: 1
  cols: {count}
  data: [{data}]
projection_matrix:
  rows: 3
  cols: 4
  data: [400, 0, 320, 0, 0, 400, 240, 0, 0, 0, 1, 0]
"""
MESSAGE = """header: {seq: 0, frame_id: camera}
height: 480
width: 640
distortion_model: "plumb_bob"
D: [-0.1, 1e-05, 0.0, 0.0, 0.0]
K: [500.0, 0.0, 320.0, 0.0, 510.0, 240.0, 0.0, 0.0, 1.0]
P: [500.0, 0.0, 320.0, 0.0, 0.0, 510.0, 240.0, 0.0, 0.0, 0.0, 1.0, 0.0]
---
"""


def written(folder: Path, text: str, name: str = "camera.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def ros(model: str, *coefficients: float) -> str:
    return ROS.format(model=model, count=len(coefficients), data=", ".join(map(str, coefficients)))


def test_what_opencv_writes_is_read_header_and_all(tmp_path: Path) -> None:
    rig, lens = read_lens_rig(written(tmp_path, OPENCV, "out_camera_data.yml"), SIZE)
    assert rig.camera.focal.tolist() == pytest.approx([657.46697944 / 640, 657.46697944 / 480])
    assert rig.camera.centre.tolist() == [0.5, 0.5]
    assert lens == RationalLens(-0.41802327176423804, 0.50715244063187526, 0, 0, -0.57843597214487474)


def test_opencvs_fisheyes_say_so(tmp_path: Path) -> None:
    text = OPENCV.replace("flags: 0", "fisheye_model: 1").replace(
        "0., 0.,\n       -5.7843597214487474e-001 ]", "0., 0. ]"
    )
    _, lens = read_lens_rig(written(tmp_path, text), SIZE)
    assert lens == FisheyeLens(-0.41802327176423804, 0.50715244063187526)
    assert isinstance(lens, FisheyeLens)


@pytest.mark.parametrize(
    ("model", "coefficients", "lens"),
    [
        ("plumb_bob", (-0.1, 0.02, 0.001, -0.002, 0.003), RationalLens(-0.1, 0.02, 0.001, -0.002, 0.003)),
        ("plumb_bob", (0, 0, 0, 0, 0), None),
        ("rational_polynomial", (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8), RationalLens(*(n / 10 for n in range(1, 9)))),
        ("equidistant", (0.1, 0.02, 0.003, 0.004), FisheyeLens(0.1, 0.02, 0.003, 0.004)),
        ("fisheye", (0, 0, 0, 0), FisheyeLens()),
        ('""', (), None),
    ],
)
def test_what_ross_calibrator_writes_is_read(tmp_path: Path, model: str, coefficients, lens) -> None:
    rig, found = read_lens_rig(written(tmp_path, ros(model, *coefficients)), SIZE)
    assert rig.camera.focal.tolist() == pytest.approx([500 / 640, 510 / 480])
    assert rig.camera.centre.tolist() == pytest.approx([320.5 / 640, 240.5 / 480])
    assert found == pytest.approx(lens)
    assert type(found) is type(lens)


def test_a_message_of_ros_as_printed_is_read(tmp_path: Path) -> None:
    for text in (MESSAGE, MESSAGE.replace("D:", "d:").replace("K:", "k:")):
        rig, lens = read_lens_rig(written(tmp_path, text), SIZE)
        assert rig.camera.focal[0] == pytest.approx(500 / 640)
        assert lens == RationalLens(-0.1, 1e-5)


def test_numbers_may_stand_in_rows_and_the_size_be_left_out(tmp_path: Path) -> None:
    text = "cameraMatrix: [[500, 0, 320], [0, 500, 240], [0, 0, 1]]\ndistCoeffs: [[-0.1, 0, 0, 0]]\n"
    rig, lens = read_lens_rig(written(tmp_path, text), SIZE)
    assert rig.camera.focal[0] == pytest.approx(500 / 640)
    assert lens == RationalLens(-0.1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("camera_matrix: [1, 2", "not readable YAML"),
        ("- 1\n- 2\n", "not the YAML of a camera"),
        ("", "not the YAML of a camera"),
        ("&a [*a]", "not the YAML of a camera"),
        ("camera_matrix: &a [*a]", "where a number is expected"),
        ("a: !!python/object/apply:os.system [ls]", "not readable YAML"),
        ("fx: 500", "fx without cx; give fx fy cx cy"),
        ("camera_matrix: {data: [1, 2, 3]}", "no camera_matrix of 9 numbers"),
        ("camera_matrix: [a, b, c]", "'a' where a number is expected"),
        (OPENCV.replace("640", "0"), "size 0x0"),
        (OPENCV.replace("640", "wide"), "'wide' where a number is expected"),
        (OPENCV.replace("-4.1802327176423804e-001", ".nan"), "has a value that is not a finite number"),
        (OPENCV.replace("-4.1802327176423804e-001", ".Nan"), "'.Nan' where a number is expected"),
        (OPENCV.replace("6.5746697944293521e+002", "6.5746697944293521e+001"), "fx is 65.75 px"),
        (ros("plumb_bob", 1, 2, 3), "give 4, 5 or 8 coefficients"),
        (ros("plumb_bob", *range(12)), "thin prisms and tilted sensors are not understood"),
        (ros("equidistant", 1, 2, 3), "3 coefficients of a fisheye; give the four"),
        (ros("[1, 2]", 1, 2, 3, 4), "distortion_model is not a word"),
        (OPENCV.replace("!!opencv-matrix\n   rows: 3", "!!opencv-matrix 3\na:\n   rows: 3"), "not readable YAML"),
        (ros("thin_prism", 1, 2, 3, 4), "unknown distortion model 'thin_prism'; there are: opencv, plumb_bob"),
    ],
)
def test_absurd_files_are_refused_in_a_line_that_names_them(tmp_path: Path, text: str, message: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(InputError, match=message) as error:
        read_rig(path, SIZE)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)


def test_other_yaml_is_told_apart(tmp_path: Path) -> None:
    assert is_camera_yaml(written(tmp_path, OPENCV))
    assert is_camera_yaml(written(tmp_path, MESSAGE))
    assert not is_camera_yaml(written(tmp_path, "stages: {train: {cmd: python}}"))
    assert not is_camera_yaml(written(tmp_path, OPENCV, "camera.txt"))
    assert not is_camera_yaml(tmp_path / "gone.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\x00")
    assert not is_camera_yaml(tmp_path / "bytes.yaml")


def test_lists_that_unfold_without_end_take_no_memory(tmp_path: Path) -> None:
    lists = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 40))
    path = written(tmp_path, f"a0: &a0 [1, 2]\n{lists}camera_matrix: *a39\n")
    with pytest.raises(InputError, match="'list' where a number is expected"):
        read_rig(path, SIZE)


ROI = """header: {{seq: 0}}
height: {height}
width: {width}
distortion_model: plumb_bob
D: [0.0, 0.0, 0.0, 0.0, 0.0]
K: [900.0, 0.0, 654.5, 0.0, 910.0, 476.5, 0.0, 0.0, 1.0]
binning_x: {binning[0]}
binning_y: {binning[1]}
roi: {{x_offset: {roi[0]}, y_offset: {roi[1]}, height: {roi[2]}, width: {roi[3]}, do_rectify: {rectify}}}
"""


@pytest.mark.parametrize(
    ("sensor", "roi", "binning", "images", "expected"),
    [
        ((960, 1280), (300, 220, 480, 640), (0, 0), (480, 640), [900, 910, 354.5, 256.5]),
        ((960, 1280), (300, 220, 480, 640), (2, 2), (240, 320), [450, 455, 177.0, 128.0]),
        ((480, 640), (300, 220, 480, 640), (0, 0), (480, 640), [900, 910, 354.5, 256.5]),  # as some drivers write it
        ((960, 1280), (0, 0, 0, 0), (0, 0), (960, 1280), [900, 910, 654.5, 476.5]),
        ((960, 1280), (0, 0, 960, 1280), (1, 1), (480, 640), [450, 455, 327.0, 238.0]),
        ((960, 1280), (0, 0, 0, 0), (2, 1), (960, 640), [450, 910, 327.0, 476.5]),
        ((960, 1280), (300, 220, 480, 640), (0, 0), (960, 1280), [900, 910, 654.5, 476.5]),  # not cropped
    ],
)
def test_a_region_of_the_sensor_and_joined_pixels_are_applied(tmp_path: Path, sensor, roi, binning, images, expected):
    text = ROI.format(height=sensor[0], width=sensor[1], roi=roi, binning=binning, rectify=False)
    found = read_rig(written(tmp_path, text), images).camera.to_pixels(images)
    values = [found[0, 0].item(), found[1, 1].item(), found[0, 2].item(), found[1, 2].item()]
    assert values == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(
    ("roi", "rectify", "said"),
    [((0, 0, 0, 0), True, "its images are rectified"), ((-3, 0, 480, 640), False, "no region of interest")],
)
def test_a_region_that_cannot_be_applied_is_refused(tmp_path: Path, roi, rectify, said: str):
    text = ROI.format(height=960, width=1280, roi=roi, binning=(0, 0), rectify=rectify)
    with pytest.raises(InputError, match=said):
        read_rig(written(tmp_path, text), (480, 640))
