"""What the campaign found, each as the smallest file that shows it: refused now, with one line, and quickly."""

import json
from pathlib import Path

import pytest

from fuzz.harness import attempt
from fuzz.parsers import PARSERS

_PIXELS = '"fx": 721.5, "fy": 721.5, "cx": 609.6, "cy": 172.9'
_TURNED = "1 0 0 0 0 1 0 0 0 0 {} 0\n"
_FOUND = {
    "blank lines, searched for a camera from each on": ("camera file cam.txt", "cam.txt", "\n" * 50_000),
    "an integer that no float holds": ("camera file camera.json", "camera.json", '{"fov_deg": 1' + "0" * 400 + "}"),
    "a baseline that is none in 32 bits": (
        "camera file camera.json",
        "camera.json",
        f'{{{_PIXELS}, "partner": {{"baseline_m": 1e-320}}}}',
    ),
    "a size of infinity": ("camera file calib.txt", "calib.txt", "S_rect_02: inf 1\nP2: " + "1 " * 12),
    "aliases that unfold to 64 million numbers": (
        "camera file calibration.yaml",
        "calibration.yaml",
        f"a: &a [{'0,' * 8000}]\nK: [{'*a,' * 8000}]\n",
    ),
    "a megabyte of YAML": ("camera file calibration.yaml", "calibration.yaml", f"K: [{'1, ' * 300_000}]\n"),
    "distortion that no lens has": (
        "camera file cameras.txt",
        "cameras.txt",
        "1 SIMPLE_RADIAL 1242 375 721.5 609.6 172.9 1e308",
    ),
    "a frame of 5000 digits": ("KITTI list of frames", "list.txt", "8 " + "9" * 5000 + " r"),
    "a projection that cannot be inverted": ("KITTI calibration", "calib_cam_to_cam.txt", "P_rect_02: " + "0 " * 12),
    "images of 10^18 pixels": ("KITTI calibration", "calib_cam_to_cam.txt", "S_rect_02: 1e9 1e9\nS_rect_03: 1e9 1e9"),
    "a mirror in the place of a rotation": ("poses", "poses.txt", _TURNED.format(1) + _TURNED.format(-1)),
    "nan in the place of a rotation": ("poses", "poses.txt", _TURNED.format("nan")),
    "places that overflow": ("trajectory", "way.txt", "0 1e308 0 0 0 0 0 1\n"),
    "a speed that is none": ("oxts", "data/0000000001.txt", "nan " * 30),
    "a time zone": ("oxts", "timestamps.txt", "2011-09-26 13:02:25Z\n" * 3),
    "no time at all": ("oxts", "timestamps.txt", "NaT\n" * 3),
    "brackets without end": ("configuration", "config.json", "[" * 100_000),
    "a number that no float holds": ("configuration", "config.json", '{"loss": {"smoothness": 1' + "0" * 400 + "}}"),
    "a clip without frames": (
        "prepared store index.json",
        "store/index.json",
        json.dumps({"clips": {"a": dict.fromkeys(("drive", "partner", "files", "size", "runs", "probes"))}}),
    ),
    "a stage that took no time": (
        "record video.json",
        "out/video.json",
        json.dumps({"format": 1, "options": {}, "stages": {"extract": {}}}),
    ),
    "a list in the place of a scale": ("predictions.json", "predictions.json", '{"depth_png": [1], "videos": [2]}'),
    "a header that breaks off": ("predictions .npy", "maps.npy", b"\x93NUMPY\x01\x00\x09\x00{'descr':"),
    "a program in PostScript": ("image .png", "picture.png", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"),
}


@pytest.mark.parametrize("found", _FOUND)
def test_what_was_found_is_refused(tmp_path: Path, found: str) -> None:
    name, file, content = _FOUND[found]
    parser = PARSERS[name]
    valid = parser.prepare(tmp_path)[file][0]
    (tmp_path / file).write_bytes(content if isinstance(content, bytes) else content.encode())
    outcome = attempt(parser.read, tmp_path)
    assert outcome.kind == "refused", outcome
    (tmp_path / file).write_bytes(valid)
    assert attempt(parser.read, tmp_path).kind == "accepted"
