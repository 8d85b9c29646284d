"""Camera files of every kind that is read."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch

from egodepth.data.cameras import find_camera_file, read_lens_rig
from egodepth.data.readers.cityscapes import _read_camera as read_cityscapes_camera
from egodepth.geometry.camera import Camera
from fuzz.harness import Parser

SIZE = (375, 1242)
_PIXELS = {"fx": 721.5, "fy": 721.5, "cx": 609.6, "cy": 172.9}
_JSON = (
    {"fov_deg": 70},
    {"width": 1242, "height": 375, **_PIXELS, "partner": {"baseline_m": 0.54}},
    {"width": 1242, "height": 375, **_PIXELS, "partner": {"baseline_m": -0.54, **_PIXELS}},
    {"width": 1242, "height": 375, **_PIXELS, "distortion": [0.1, -0.2, 0.001, 0.002, 0.03]},
    {"width": 1242, "height": 375, **_PIXELS, "distortion": [0.1, 0, 0, 0.1], "distortion_model": "fisheye"},
)
_P = "721.5 0 609.6 {} 0 721.5 172.9 0.2 0 0 1 0.003"
_KITTI = (
    "".join(f"P{camera}: {_P.format(-380 * (camera % 2))}\n" for camera in range(4)),
    "calib_time: 09-Jan-2012 13:57:47\nS_rect_02: 1242 375\nR_rect_00: 1 0 0 0 1 0 0 0 1\n"
    + "".join(f"P_rect_0{camera}: {_P.format(0)}\n" for camera in range(4)),
)
_COLMAP = tuple(
    f"# Camera list\n1 {model} 1242 375 {numbers}\n"
    for model, numbers in (
        ("SIMPLE_PINHOLE", "721.5 609.6 172.9"),
        ("PINHOLE", "721.5 721.5 609.6 172.9\n2 PINHOLE 640 480 500 500 320 240"),
        ("OPENCV", "721.5 721.5 609.6 172.9 0.1 -0.2 0.001 0.002"),
        ("FULL_OPENCV", "721.5 721.5 609.6 172.9 0.1 -0.2 0.001 0.002 0.03 0.1 0.1 0.1"),
        ("OPENCV_FISHEYE", "721.5 721.5 609.6 172.9 0.1 -0.02 0.001 0.002"),
        ("SIMPLE_RADIAL", "721.5 609.6 172.9 0.1"),
    )
)
_MATRIX = ("721.5 0 609.6\n0 721.5 172.9\n0 0 1\n", "721.5,0,609.6;0,721.5,172.9;0,0,1")
_YAML = (
    "%YAML:1.0\n---\nimage_width: 1242\nimage_height: 375\ncamera_matrix: !!opencv-matrix\n   rows: 3\n   cols: 3\n"
    "   dt: d\n   data: [ 721.5, 0., 609.6, 0., 721.5, 172.9, 0., 0., 1. ]\ndistortion_coefficients: !!opencv-matrix\n"
    "   rows: 5\n   cols: 1\n   dt: d\n   data: [ 1e-01, -2.e-02, 1e-05, 0., 0. ]\n",
    "image_width: 1242\nimage_height: 375\ncamera_name: left\ndistortion_model: equidistant\n"
    "camera_matrix: {rows: 3, cols: 3, data: [721.5, 0, 609.6, 0, 721.5, 172.9, 0, 0, 1]}\n"
    "distortion_coefficients: {rows: 1, cols: 4, data: [0.1, 0.01, 0.0, 0.0]}\n",
    "height: 375\nwidth: 1242\ndistortion_model: plumb_bob\nD: [0, 0, 0, 0, 0]\n"
    "K: [721.5, 0, 609.6, 0, 721.5, 172.9, 0, 0, 1]\n---\n",
)
_CITYSCAPES = (
    {
        "extrinsic": {"baseline": 0.209313, "pitch": 0.038, "roll": 0.0, "x": 1.7, "y": 0.1, "yaw": -0.0195, "z": 1.22},
        "intrinsic": {"fx": 2262.52, "fy": 2265.3017905988554, "u0": 1096.98, "v0": 513.137},
    },
)


def sane(camera: Camera) -> None:
    """Finite, and one that could exist."""
    assert torch.isfinite(camera.focal).all(), camera
    assert ((camera.focal > 0.01) & (camera.focal < 50)).all(), camera
    assert ((camera.centre >= 0) & (camera.centre <= 1)).all(), camera


def one_file(name: str, contents: Sequence[str | bytes]) -> Callable[[Path], Mapping[str, Sequence[bytes]]]:
    """A folder with one file, of which these are valid contents."""
    stored = [content.encode() if isinstance(content, str) else content for content in contents]

    def prepare(folder: Path) -> Mapping[str, Sequence[bytes]]:
        (folder / name).write_bytes(stored[0])
        return {name: stored}

    return prepare


def _camera_file(name: str, contents: Sequence[str]) -> Parser:
    def read(folder: Path) -> None:
        find_camera_file(folder)  # looks into YAML, too
        rig, lens = read_lens_rig(folder / name, SIZE)
        sane(rig.camera)
        if rig.partner_camera is not None:
            assert rig.partner_from_self is not None
            sane(rig.partner_camera)
            assert 0 < abs(rig.partner_from_self[0, 3]) < 100
        assert lens is None or torch.isfinite(torch.tensor(lens)).all(), lens

    return Parser(f"camera file {name}", one_file(name, contents), read)


def _read_cityscapes(folder: Path) -> None:
    camera, focal, baseline = read_cityscapes_camera(folder / "a_camera.json", (1024, 2048))
    sane(camera)
    assert 0 < focal < 1e5
    assert 0 < baseline < 100


PARSERS = (
    _camera_file("camera.json", list(map(json.dumps, _JSON))),
    _camera_file("calib.txt", _KITTI),
    _camera_file("cameras.txt", _COLMAP),
    _camera_file("cam.txt", _MATRIX),
    _camera_file("calibration.yaml", _YAML),
    Parser("Cityscapes camera", one_file("a_camera.json", list(map(json.dumps, _CITYSCAPES))), _read_cityscapes),
)
