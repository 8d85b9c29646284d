import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from egodepth.cli import main
from egodepth.commands.data_render import Render
from egodepth.data.cameras import read_camera
from egodepth.data.readers.rendered_set import DATASET_FILE, Description, read_description
from egodepth.foundation.errors import InputError
from egodepth.geometry.camera import Camera
from egodepth.geometry.warp import synthesise
from egodepth.synthetic import RenderedFrame, Street, SyntheticDrive, open_synthetic, render_frames
from egodepth.synthetic.street import BASELINE

SIZE, SEED, FRAMES = (96, 320), 2, 4


@pytest.fixture(scope="module", params=[50, 90])
def wide(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, Path]:
    """A field of view in degrees, and a set rendered with it by the command line."""
    root = tmp_path_factory.mktemp("fov") / "set"
    words = f"--fov-deg {request.param} --size {SIZE[0]} {SIZE[1]} --train 1 --val 0 --test 0 --processes 1"
    main(["data", "render", "--out", str(root), *words.split(), "--seed", str(SEED), "--frames", str(FRAMES)])
    return request.param, root


@pytest.fixture(scope="module")
def drive(wide: tuple[int, Path]) -> SyntheticDrive:
    """What is read back of it."""
    (drive,) = open_synthetic(wide[1], "train")
    assert isinstance(drive, SyntheticDrive)
    return drive


@pytest.fixture(scope="module")
def clean(wide: tuple[int, Path]) -> list[RenderedFrame]:
    """The same frames without the sensor's noise and changes of exposure, in which the camera moves."""
    description = read_description(wide[1])
    street = Street(description.street_seed("train", 0), FRAMES, description.focal)
    assert np.diff(street.traffic.camera_z).min() > 0.3
    return list(render_frames(street, range(FRAMES), SIZE, partner=True, noise=False))


def error_of(target: RenderedFrame, source: np.ndarray, depth: np.ndarray, pose: np.ndarray, camera: Camera):
    """Absolute difference of the target and the source seen from it: h x w, mean of the colours."""
    images = [torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255 for image in (source, target.image)]
    known = torch.from_numpy(np.where(depth > 0, depth, 1e4)).float()[None]
    batched = Camera(camera.focal[None], camera.centre[None])
    warped = synthesise(images[0], known, torch.from_numpy(pose).float()[None], batched, batched)
    return (warped - images[1]).abs().mean(1)[0].numpy()


def test_the_camera_file_has_the_field_of_view_and_square_pixels(wide: tuple[int, Path]) -> None:
    fov_deg, root = wide
    values = json.loads((root / "train" / "drive_0000" / "camera.json").read_text())
    assert values["fx"] == pytest.approx(160 / np.tan(np.radians(fov_deg / 2)))
    assert values["fy"] == pytest.approx(values["fx"])
    assert (values["width"], values["height"]) == (320, 96)


def test_depth_poses_and_camera_on_disk_explain_the_neighbours(
    drive: SyntheticDrive, clean: list[RenderedFrame]
) -> None:
    depth, seen = drive.read_depth(1), ~clean[1].masks["occluded"] & ~clean[1].masks["moving"]
    for source in (0, 2):
        pose = np.linalg.inv(drive.read_pose(source)) @ drive.read_pose(1)
        error, wrong = (
            error_of(clean[1], clean[source].image, factor * depth, pose, drive.camera)[seen & (depth > 0)]
            for factor in (1, 1.25)
        )
        # About a grey level; what is left is edges, whose pixels mix two surfaces.
        assert np.median(error) < 1.5 / 255
        assert error.mean() < 0.03
        assert wrong.mean() > 1.3 * error.mean()


def test_the_partner_has_the_same_field_of_view(drive: SyntheticDrive, clean: list[RenderedFrame]) -> None:
    target, camera = clean[1], drive.camera
    assert target.partner is not None
    pose = np.eye(4)
    pose[0, 3] = -BASELINE
    shift = camera.focal[0].item() * 320 * BASELINE / np.where(target.depth > 0, target.depth, np.inf)
    inside = np.arange(320)[None] + 0.5 - shift > 0
    error = error_of(target, target.partner, target.depth, pose, camera)[inside]
    assert np.median(error) < 1.0 / 255
    for factor in (0.9, 1.1):
        wrong = Camera(factor * camera.focal, camera.centre)
        assert error_of(target, target.partner, target.depth, pose, wrong)[inside].mean() > 1.3 * error.mean()


def test_a_narrow_view_is_the_middle_of_a_wide_one() -> None:
    views = []
    for fov_deg in (50.0, 90.0):
        settings = Description(seed=0, frames=3, size=SIZE, partner=False, train=1, val=0, test=0, fov_deg=fov_deg)
        street = Street(SEED, 3, settings.focal)
        views.append((street, next(render_frames(street, range(1, 2), SIZE, noise=False))))
    (narrow, seen_narrow), (wide, seen_wide) = views
    np.testing.assert_array_equal(seen_narrow.world_from_camera, seen_wide.world_from_camera)
    rows, columns = np.indices(SIZE)
    uv = np.stack([(columns + 0.5) / SIZE[1], (rows + 0.5) / SIZE[0]], -1)
    there = (uv - narrow.centre) / narrow.focal * wide.focal + wide.centre
    column, row = np.floor(there * (SIZE[1], SIZE[0])).astype(int).reshape(-1, 2).T
    depth = seen_wide.depth[row, column].reshape(SIZE)
    off = np.abs(depth - seen_narrow.depth) / np.maximum(seen_narrow.depth, 1)
    assert np.median(off) < 0.01
    assert (off < 0.1).mean() > 0.9


def test_a_set_from_before_fields_of_view_is_the_same_set(rendered_set: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(rendered_set, tmp_path / "old"))
    content = json.loads((root / DATASET_FILE).read_text())
    assert content.pop("fov_deg") == 0
    (root / DATASET_FILE).write_text(json.dumps(content))
    shutil.rmtree(root / "val" / "drive_0000")
    Render(out=root, train=1, val=1, test=1, frames=3, size=(32, 96), processes=1)()
    files = ["camera.json", "poses.txt", *(f"{kind}/000001.png" for kind in ("image", "partner", "depth", "masks"))]
    for file in files:
        again, before = (each / "val" / "drive_0000" / file for each in (root, rendered_set))
        assert again.read_bytes() == before.read_bytes()
    with pytest.raises(InputError, match=r"made with fov_deg 0\.0, not 90\.0"):
        Render(out=root, train=1, val=1, test=1, frames=3, size=(32, 96), fov_deg=90.0)()


def test_without_a_field_of_view_cameras_are_near_kittis(rendered_set: Path) -> None:
    camera = read_camera(rendered_set / "train" / "drive_0000" / "camera.json", (32, 96))
    np.testing.assert_allclose(camera.focal, (0.58, 1.92), rtol=0.021)


@pytest.mark.parametrize("fov_deg", [-90.0, 11.0, 136.0])
def test_impossible_fields_of_view_are_refused(tmp_path: Path, fov_deg: float) -> None:
    with pytest.raises(InputError, match="12 to 135 are possible"):
        Render(out=tmp_path / "set", fov_deg=fov_deg)
