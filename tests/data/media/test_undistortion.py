import json
from pathlib import Path

import numpy as np
import pytest
import torch
from jaxtyping import Float, UInt8
from PIL import Image

from egodepth.data.media.undistortion import Undistortion
from egodepth.data.opening import open_drives
from egodepth.data.readers.folder import FolderDrive
from egodepth.data.readers.manifest import open_manifest
from egodepth.foundation.errors import InputError
from egodepth.geometry import Camera
from egodepth.geometry.distortion import FisheyeLens, Lens, RationalLens

SIZE = (120, 200)
PIXELS = {"width": 200, "height": 120, "fx": 120.0, "fy": 122.0, "cx": 97.0, "cy": 61.0}
BARREL, FISHEYE = RationalLens(-0.28, 0.07, 1e-3, -2e-3), FisheyeLens(-0.03, 0.01, -0.005, 0.001)


def wall(x: Float[np.ndarray, "h w"], y: Float[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w 3"]:
    """A soft grid on a wall at z = 1, by the rays that meet it."""
    waves = [np.sin(12 * x), np.sin(12 * y), np.cos(6 * (x + y))]
    return np.round(127.5 + 100 * np.stack(waves, -1)).astype(np.uint8)


def photograph(lens: Lens | None, camera: dict[str, float] = PIXELS) -> UInt8[np.ndarray, "h w 3"]:
    """The wall through a lens: rays of pixels by fixed points, as in OpenCV's undistortPoints, in plain numpy."""
    v, u = np.mgrid[: SIZE[0], : SIZE[1]].astype(float)
    px, py = (u - camera["cx"]) / camera["fx"], (v - camera["cy"]) / camera["fy"]
    x, y = px, py
    for _ in range(200 if lens else 0):
        r2 = x * x + y * y
        if isinstance(lens, FisheyeLens):
            r2 = np.maximum(r2, 1e-20)
            angle = np.arctan(np.sqrt(r2))
            powers = sum(k * angle ** (2 * n + 2) for n, k in enumerate(lens))
            radial, dx, dy = angle * (1 + powers) / np.sqrt(r2), 0, 0
        else:
            radial = 1 + lens.k1 * r2 + lens.k2 * r2**2
            dx = 2 * lens.p1 * x * y + lens.p2 * (r2 + 2 * x * x)
            dy = lens.p1 * (r2 + 2 * y * y) + 2 * lens.p2 * x * y
        x, y = (px - dx) / radial, (py - dy) / radial
    return wall(x, y)


def clip(folder: Path, lens: Lens, frames: int = 3) -> Path:
    folder.mkdir(parents=True)
    for number in range(frames):
        Image.fromarray(photograph(lens)).save(folder / f"{number + 7:04d}.png")
    model = "fisheye" if isinstance(lens, FisheyeLens) else "opencv"
    camera = {**PIXELS, "distortion": list(lens), "distortion_model": model}
    (folder / "camera.json").write_text(json.dumps(camera))
    return folder


def pixels_of(camera: Camera) -> dict[str, float]:
    matrix = Camera(camera.focal.double(), camera.centre.double()).to_pixels(SIZE)
    (fx, _, cx), (_, fy, cy), _ = matrix.tolist()
    return {"fx": fx, "fy": fy, "cx": cx, "cy": cy}


@pytest.mark.parametrize("lens", [BARREL, FISHEYE])
def test_an_undistorted_photograph_is_that_of_its_pinhole_camera(tmp_path: Path, lens: Lens) -> None:
    drive = FolderDrive(clip(tmp_path / "clip", lens))
    image = drive.read_image(8).astype(float)
    errors = np.abs(image - photograph(None, pixels_of(drive.camera)))
    assert image.shape == (*SIZE, 3)
    assert errors.mean() < 0.7  # bilinear sampling of waves of 60 pixels, and two roundings
    assert np.abs(image - photograph(lens)).mean() > 5


def test_rounding_is_to_the_nearest_grey_and_nothing_is_shifted() -> None:
    camera = Camera(torch.tensor([0.6, 1.0]), torch.tensor([0.5, 0.5]))
    noise = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)
    undistorted = Undistortion.of(camera, RationalLens(k1=1e-9), SIZE, "here")(noise)
    np.testing.assert_array_equal(undistorted, noise)
    assert undistorted.flags.c_contiguous


def test_a_folder_of_folders_may_share_a_lens(tmp_path: Path) -> None:
    for name in "ab":
        clip(tmp_path / "set" / name, BARREL)
        (tmp_path / "set" / name / "camera.json").rename(tmp_path / "set" / "camera.json")
    drives = open_drives(tmp_path / "set")
    plain = photograph(BARREL)
    assert all((drive.read_image(7) != plain).any() for drive in drives)
    assert drives[0].camera.focal.tolist() == drives[1].camera.focal.tolist()


def test_a_colmap_file_beside_the_frames_does_as_well(tmp_path: Path) -> None:
    folder = clip(tmp_path / "clip", BARREL)
    expected = FolderDrive(folder).read_image(7)
    (folder / "camera.json").unlink()
    numbers = "120 122 97.5 61.5 -0.28 0.07 0.001 -0.002"
    (folder / "cameras.txt").write_text(f"1 OPENCV 200 120 {numbers}\n")
    np.testing.assert_array_equal(FolderDrive(folder).read_image(7), expected)


def test_lenses_that_cannot_be_undone_are_refused_by_their_file(tmp_path: Path) -> None:
    folder = clip(tmp_path / "clip", BARREL)
    (folder / "camera.json").write_text(json.dumps({**PIXELS, "distortion": [-0.9, 0, 0, 0]}))
    with pytest.raises(InputError, match=r"camera\.json: the distortion folds the image: beyond"):
        open_drives(folder)


def test_a_manifest_does_not_take_distorted_frames_for_straight_ones(tmp_path: Path) -> None:
    clip(tmp_path / "clip", BARREL)
    lines = ["drive,frame,image,camera", "a,0,clip/0007.png,clip/camera.json"]
    (tmp_path / "manifest.csv").write_text("\n".join(lines))
    with pytest.raises(InputError, match="egodepth data undistort FRAMES --camera"):
        open_manifest(tmp_path)
