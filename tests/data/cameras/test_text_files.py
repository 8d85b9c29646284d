from pathlib import Path

import numpy as np
import pytest

from egodepth.data.cameras import find_camera_file, read_lens_rig, read_rig
from egodepth.foundation.errors import InputError
from egodepth.geometry.camera import Camera
from egodepth.geometry.distortion import FisheyeLens, Lens, RationalLens

SIZE = (375, 1242)
P2 = "721.5 0 609.6 44.9 0 721.5 172.9 0.2 0 0 1 0.003"


def written(folder: Path, text: str, name: str = "camera.txt") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def pixels(camera: Camera, size: tuple[int, int] = SIZE) -> list[float]:
    matrix = camera.to_pixels(size)
    return [round(value.item(), 2) for value in (matrix[0, 0], matrix[1, 1], matrix[0, 2], matrix[1, 2])]


def test_kittis_projections_give_the_left_colour_camera(tmp_path: Path) -> None:
    other = P2.replace("721.5", "700")
    for text in (
        f"P0: {other}\nP1: {other}\nP2: {P2}\nP3: {other}\nTr: 1 2 3\n",
        f"calib_time: 09-Jan-2012 13:57:47\nS_rect_02: 1.242e+03 3.75e+02\nP_rect_00: {other}\nP_rect_02: {P2}\n",
    ):
        rig = read_rig(written(tmp_path, text, "calib.txt"), SIZE)
        assert pixels(rig.camera) == [721.5, 721.5, 609.6, 172.9]
        assert rig.partner_camera is None


def test_kittis_grey_cameras_do_where_all_are_the_same(tmp_path: Path) -> None:
    same = P2.replace("44.9", "-386.1")
    assert pixels(read_rig(written(tmp_path, f"P0: {P2}\nP1: {same}\n"), SIZE).camera)[0] == 721.5
    with pytest.raises(InputError, match=r"camera\.txt: cameras that differ, and no P2 among them"):
        read_rig(written(tmp_path, f"P0: {P2}\nP1: {P2.replace('721.5', '700')}\n"), SIZE)


def test_kittis_own_files_are_read(real_data: Path) -> None:
    date = real_data / "kitti_raw" / "2011_09_26" / "calib_cam_to_cam.txt"
    odometry = next((real_data / "kitti_odometry").rglob("calib.txt"))
    assert pixels(read_rig(date, SIZE).camera) == [721.54, 721.54, 609.56, 172.85]
    assert pixels(read_rig(odometry, (370, 1226)).camera, (370, 1226))[0] == pytest.approx(707.09, abs=0.01)


def test_images_that_kitti_did_not_rectify_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path, f"S_rect_02: 1242 375\nP_rect_02: {P2}\n")
    with pytest.raises(InputError, match="calibrated for 1242x375, but the images are 1392x512"):
        read_rig(path, (512, 1392))


@pytest.mark.parametrize(
    ("line", "focal", "lens"),
    [
        ("SIMPLE_PINHOLE 1242 375 700 621 187.5", (700, 700), None),
        ("PINHOLE 1242 375 700 710 621 187.5", (700, 710), None),
        ("SIMPLE_RADIAL 1242 375 700 621 187.5 -0.1", (700, 700), RationalLens(-0.1)),
        ("SIMPLE_RADIAL 1242 375 700 621 187.5 0", (700, 700), None),
        ("RADIAL 1242 375 700 621 187.5 -0.1 0.02", (700, 700), RationalLens(-0.1, 0.02)),
        (
            "OPENCV 1242 375 700 710 621 187.5 -0.1 0.02 1e-3 -2e-3",
            (700, 710),
            RationalLens(-0.1, 0.02, 0.001, -0.002),
        ),
        (
            "FULL_OPENCV 1242 375 700 710 621 187.5 -.1 .02 .001 -.002 .003 .01 .02 .005",
            (700, 710),
            RationalLens(-0.1, 0.02, 0.001, -0.002, 0.003, 0.01, 0.02, 0.005),
        ),
        ("OPENCV_FISHEYE 1242 375 700 710 621 187.5 .1 .02 .03 .04", (700, 710), FisheyeLens(0.1, 0.02, 0.03, 0.04)),
        ("SIMPLE_RADIAL_FISHEYE 1242 375 700 621 187.5 .1", (700, 700), FisheyeLens(0.1)),
        ("RADIAL_FISHEYE 1242 375 700 621 187.5 .1 .02", (700, 700), FisheyeLens(0.1, 0.02)),
    ],
)
def test_colmaps_models_are_read_and_its_pixels_begin_at_their_corner(
    tmp_path: Path, line: str, focal: tuple[float, float], lens: Lens | None
) -> None:
    text = f"# Camera list with one line of data per camera:\n# Number of cameras: 1\n1 {line}\n"
    rig, found = read_lens_rig(written(tmp_path, text, "cameras.txt"), SIZE)
    np.testing.assert_allclose(rig.camera.centre, [0.5, 0.5], rtol=1e-6)
    assert pixels(rig.camera)[:2] == list(focal)
    assert found == lens
    assert type(found) is type(lens)


def test_of_colmaps_cameras_the_one_of_the_images_size_is_taken(tmp_path: Path) -> None:
    small, large = "1 SIMPLE_PINHOLE 640 480 500 320 240", "2 SIMPLE_PINHOLE 1242 375 700 621 187.5"
    assert pixels(read_rig(written(tmp_path, f"{small}\n{large}\n"), SIZE).camera)[0] == 700
    assert pixels(read_rig(written(tmp_path, f"{large}\n3{large[1:]}\n"), SIZE).camera)[0] == 700
    with pytest.raises(InputError, match="2 cameras for images of one size; keep the line"):
        read_rig(written(tmp_path, f"{large}\n{large.replace('700', '710')}\n"), SIZE)


@pytest.mark.parametrize("text", ["700 0 620.5\n0 710 187\n0 0 1\n", "700,0,620.5,0,710,187,0,0,1", "[bad]"])
def test_nine_numbers_are_a_matrix(tmp_path: Path, text: str) -> None:
    path = written(tmp_path, text, "cam.txt")
    if text == "[bad]":
        with pytest.raises(InputError, match=r"cam\.txt: not a camera file: neither KITTI's .*; write camera\.json"):
            read_rig(path, SIZE)
    else:
        assert pixels(read_rig(path, SIZE).camera) == [700, 710, 620.5, 187]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0.58 0 0.5 0 1.92 0.5 0 0 1", "fx is 0.58 px"),
        ("700 5 620 0 700 187 0 0 1", "is not a camera matrix; give fx 0 cx"),
        ("700 nan 620 0 700 187 0 0 1", "is not a camera matrix"),
        ("nan 0 620 0 700 187 0 0 1", "is not a camera matrix|not a finite number"),
        ("700 0 620 0 700 187 0 0 2", "is not a camera matrix"),
        ("700 0 1620 0 700 187 0 0 1", "cx is 1620 px, outside"),
        ("P2: 1 2 3", "P2 has 3 numbers, not 12"),
        ("P2: " + P2.replace("0.003", "x"), "P2 has 0 numbers, not 12"),
        ("1 FOV 1242 375 700 700 621 187.5 0.9", "COLMAP's camera model FOV is not understood; use one of SIMPLE"),
        ("1 OPENCV 1242 375 700 700 621 187.5", "OPENCV with 4 numbers, not 8"),
        ("1 PINHOLE 0 375 700 700 621 187.5", "size 0x375"),
        ("1 PINHOLE 1242 375 70 70 621 187.5", "fx is 70 px, 0.0564 widths"),
        ("1 SIMPLE_RADIAL 1242 375 700 621 187.5 nan", "not a finite number"),
    ],
)
def test_absurd_files_are_refused_in_a_line_that_names_them(tmp_path: Path, text: str, message: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(InputError, match=message) as error:
        read_rig(path, SIZE)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)


def test_what_is_no_text_or_too_much_of_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cam.txt").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(InputError, match="not a readable text file"):
        read_rig(tmp_path / "cam.txt", SIZE)
    with pytest.raises(InputError, match="more than a megabyte"):
        read_rig(written(tmp_path, "1 " * (1 << 20)), SIZE)


@pytest.mark.parametrize(
    "text",
    [
        "721.5 721.5 609.6 172.9",
        "# fx fy cx cy\n721.5, 721.5, 609.6, 172.9\n\n",
        "\ufeff721.5 721.5 609.6 172.9\r\n",
        "721.5\n721.5\n609.6\n172.9\n",
        "# K\n721.5 0 609.6\n0 721.5 172.9\n0 0 1\n",
        "[[721.5, 0, 609.6],\n [0, 721.5, 172.9],\n [0, 0, 1]]",
        f"# by hand\n\nP2: {P2}\n",
        "fx: 721.5\nfy: 721.5\ncx: 609.6\ncy: 172.9\nfps: 10\n",
        "fx = 721.5 # pixels\ncx = 609.6\ncy = 172.9\n",
        "fx 721.5\nfy 721.5\ncx 609.6\ncy 172.9\n",
        "K: 721.5 0 609.6 0 721.5 172.9 0 0 1\n",
        "K = [[721.5, 0, 609.6],\n [0, 721.5, 172.9],\n [0, 0, 1]]\n",
        "cam0=[721.5 0 609.6; 0 721.5 172.9; 0 0 1]\ncam1=[721.5 0 640; 0 721.5 172.9; 0 0 1]\ndoffs=30.4\n"
        "baseline=193.001\nwidth=1242\nheight=375\nndisp=290\n",
        "7.215e2 0 609.6 0\n0 7.215e+02 172.9 0\n0 0 1 0\n0 0 0 1\n",
        "721.5 0 609.6 0\n0 721.5 172.9 0\n0 0 1 0\n",
    ],
)
def test_cameras_written_by_hand_are_read_and_found_beside_the_frames(tmp_path: Path, text: str) -> None:
    path = written(tmp_path, text, "intrinsics.txt")
    assert pixels(read_rig(path, SIZE).camera) == [721.5, 721.5, 609.6, 172.9]
    assert find_camera_file(tmp_path) == path


@pytest.mark.parametrize(
    ("text", "coefficients"),
    [
        ("721.5 721.5 609.6 172.9 -0.3 0.1 0.001 0.002", (-0.3, 0.1, 0.001, 0.002)),
        ("721.5 721.5 609.6 172.9 -0.3 0.1 0 0 0.05", (-0.3, 0.1, 0, 0, 0.05)),
        ("fx: 721.5\ncx: 609.6\ncy: 172.9\nk1: -0.3\nk2: 0.1\np1: 0\np2: 0\nk3: 0.05", (-0.3, 0.1, 0, 0, 0.05)),
        ("721.5 721.5 609.6 172.9 0 0 0 0", None),
    ],
)
def test_coefficients_of_the_lens_may_follow(tmp_path: Path, text: str, coefficients: tuple[float, ...] | None) -> None:
    rig, lens = read_lens_rig(written(tmp_path, text), SIZE)
    assert pixels(rig.camera) == [721.5, 721.5, 609.6, 172.9]
    assert lens == (None if coefficients is None else RationalLens(*coefficients))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fx: 721.5\nfy: 721.5\ncx: 609.6\n", "fx without cy; give fx fy cx cy"),
        ("fx: 721.5\ncx: 609.6\ncy: 172.9\nskew: 2\n", "is not a camera matrix"),
        ("fx: 721.5\ncx: 609.6\ncy: 172.9\nwidth: 640\nheight: 480\n", "calibrated for 640x480"),
        ("1 2 3 4 5", "not a camera file"),
        ("721.5 0 609.6 5 0 721.5 172.9 0 0 0 1 0", "not a camera file"),
    ],
)
def test_what_numbers_with_names_lack_is_said(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_lens_rig(written(tmp_path, text), SIZE)


@pytest.mark.parametrize("name", ["K.txt", "cam_K.txt", "camera-intrinsics.txt", "calibration.txt", "intrinsic_a.txt"])
def test_whatever_a_text_file_of_a_camera_is_called_it_is_found(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, "721.5 0 609.6\n0 721.5 172.9\n0 0 1\n", name)
    assert find_camera_file(tmp_path) == path


def test_other_texts_about_cameras_are_left_alone(tmp_path: Path) -> None:
    for name in ("camera_times.txt", "camera_poses.txt", "readme.txt", "kitchen.txt"):
        written(tmp_path, "0.0 0.1 0.2 0.3\n", name)
    written(tmp_path, '{\n  "focal_px": 700\n}\n', "left_report.json")  # egodepth's own
    assert find_camera_file(tmp_path) == tmp_path / "camera.json"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("camera.txt", "RadTan 0.5 0.9 0.5 0.5 0.1 0 0 0\n640 480\ncrop\n640 480\n"),
        ("calib_left.txt", "focal: 12 mm\n"),
        ("rig.xml", '<?xml version="1.0"?>\n<opencv_storage>\n<M1>1</M1>\n</opencv_storage>\n'),
        ("calibration.xml", "<camera><f>700</f></camera>\n"),
        ("calib.ini", "[lens]\nmm = 12\n"),
        ("metashape.xml", "<calibration>\n  <f>1000</f>\n</calibration>\n"),
        ("record.json", '{\n  "intrinsics": {"focal": 28}\n}\n'),
    ],
)
def test_calibrations_of_no_known_kind_are_named(tmp_path: Path, name: str, text: str) -> None:
    written(tmp_path, text, name)
    with pytest.raises(InputError, match=f"{name}: looks like a calibration, but its format is not supported"):
        find_camera_file(tmp_path)


BY_NAME = "fx: 458\nfy: 457\ncx: 620\ncy: 187\n"
DISTORTED = RationalLens(-0.28, 0.07)


@pytest.mark.parametrize(
    ("text", "lens"),
    [
        ("K: 458 0 620 0 457 187 0 0 1\nD: -0.28 0.07 0 0 0", DISTORTED),
        ("K = [[458, 0, 620],\n [0, 457, 187],\n [0, 0, 1]]\ndist = [-0.28, 0.07, 0, 0]", DISTORTED),
        (f"{BY_NAME}distortion: [-0.28, 0.07, 0, 0]", DISTORTED),
        (f"{BY_NAME}K1: -0.28\nK2: 0.07\n", DISTORTED),
        (f"{BY_NAME}model: fisheye\nk1: .1\nk2: .2\nk3: .3\nk4: .4", FisheyeLens(0.1, 0.2, 0.3, 0.4)),
        (f"{BY_NAME}distortion_model: equidistant\nk1: .1\nk2: .2\nk3: .3\nk4: .4", FisheyeLens(0.1, 0.2, 0.3, 0.4)),
        (f"{BY_NAME}model: GoPro\nskew: 0\n", None),
        (f"{BY_NAME}view 0: 0.21\nview 1: 0.19\nThe first\nThe second\n", None),
    ],
)
def test_what_is_said_of_the_lens_is_never_dropped(tmp_path: Path, text: str, lens: Lens | None) -> None:
    rig, found = read_lens_rig(written(tmp_path, text), SIZE)
    assert pixels(rig.camera) == [458, 457, 620, 187]
    assert (type(found), found) == (type(lens), lens)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{BY_NAME}k1: -0,3", "k1 is not one number"),
        (BY_NAME.replace("457", "abc"), "'abc' where a number is expected"),
        (BY_NAME.replace("457", "457 px"), "'457 px' where a number is expected"),
        (f"{BY_NAME}skew = [2]", "is not a camera matrix"),
        (f"{BY_NAME}coeffs: 1 2 3 4", "'coeffs' is of a lens that is not understood"),
        (f"{BY_NAME}k1: .1\nk2: .2\nk3: .3\nk4: .4", "k1 to k4 of a lens of no named kind"),
        ("[LEFT]\nfx=350\ncx=620\ncy=187\n[RIGHT]\nfx=360\ncx=620\ncy=187\n", "fx is given twice"),
        ("K: 458 0 620 0 457 187 0 0 1\nK: 459 0 620 0 457 187 0 0 1", "K is given twice"),
        ("458 457 620 187\n459 458 621 187", "not a camera file"),
        ("1242 375 458 457 620 187 0 0", "not a camera file"),
    ],
)
def test_what_may_be_another_camera_or_lens_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_lens_rig(written(tmp_path, text), SIZE)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("k_means.txt", "1 2 3 4"),
        ("calib_offsets.txt", "0 0 0 0"),
        ("camera.txt", "0.0 0.1 0.2 0.3"),
        ("settings.json", '{\n  "k": 5\n}'),
        ("photo.json", '{"FocalLength": 5.2}'),
        ("train.toml", "k = 3\n"),
        ("camera.ini", "exposure: 5\n"),
        ("angle.json", '{"camera_angle_x": 0, "w": 640, "h": 480}'),
        ("config.json", '{\n  "format": "egodepth-model-2",\n  "focal": [\n    1.0, 2.0\n  ]\n}'),
    ],
)
def test_files_of_other_kinds_are_no_cameras(tmp_path: Path, name: str, text: str) -> None:
    written(tmp_path, text, name)
    assert find_camera_file(tmp_path) == tmp_path / "camera.json"


def test_the_names_of_the_field_go_before_others(tmp_path: Path) -> None:
    path = written(tmp_path, "458 457 620 187", "calib.txt")
    written(tmp_path, "459 457 620 187", "calib_right.txt")
    written(tmp_path, '{"K": [459, 0, 620, 0, 457, 187, 0, 0, 1]}', "frame0.json")
    assert find_camera_file(tmp_path) == path
    path.unlink()
    with pytest.raises(InputError, match=r"several camera files \(calib_right\.txt, frame0\.json\)"):
        find_camera_file(tmp_path)


def test_a_camera_under_any_name_is_found_in_json(tmp_path: Path) -> None:
    path = written(tmp_path, '{"fx": 458, "fy": 457, "cx": 620, "cy": 187, "width": 1242, "height": 375}', "phone.json")
    assert find_camera_file(tmp_path) == path
