import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from egodepth.commands.data_render import Render
from egodepth.data.readers.rendered_set import DATASET_FILE, read_description
from egodepth.foundation.errors import InputError
from egodepth.synthetic import Street, SyntheticDrive, open_synthetic, render_frame
from egodepth.synthetic.drive_writer import write_drive


@pytest.fixture
def damaged(rendered_set: Path, tmp_path: Path) -> Path:
    """A copy of the rendered set that a test may damage."""
    return Path(shutil.copytree(rendered_set, tmp_path / "copy"))


def test_what_is_written_is_read_back(rendered_set: Path) -> None:
    (drive,) = open_synthetic(rendered_set, "val")
    assert isinstance(drive, SyntheticDrive)
    assert (drive.name, drive.frames, drive.size) == ("val/drive_0000", [0, 1, 2], (32, 96))
    street = Street(read_description(rendered_set).street_seed("val", 0), 3)
    truth = render_frame(street, 1, (32, 96), partner=True)
    np.testing.assert_array_equal(drive.read_image(1), truth.image)
    np.testing.assert_array_equal(drive.read_image(1, partner=True), truth.partner)
    np.testing.assert_allclose(drive.read_depth(1), truth.depth, atol=0.5 / 256 + 1e-5)
    assert drive.has_depth(1)
    np.testing.assert_array_equal(drive.read_pose(1), truth.world_from_camera)
    for name, mask in drive.read_masks(1).items():
        np.testing.assert_array_equal(mask, truth.masks[name])
    np.testing.assert_allclose(drive.camera.focal.numpy(), street.focal, rtol=1e-6)
    np.testing.assert_allclose(drive.camera.centre.numpy(), street.centre, rtol=1e-6)
    assert drive.has_partner(0)
    assert drive.partner_from_self is not None
    assert drive.partner_from_self[0, 3] == pytest.approx(-0.54)


def test_a_set_without_partner_says_so(tmp_path: Path) -> None:
    Render(out=tmp_path / "set", train=1, val=0, test=0, frames=3, size=(32, 96), partner=False, processes=1)()
    (drive,) = open_synthetic(tmp_path / "set", "train")
    assert drive.partner_camera is None
    with pytest.raises(InputError, match="without the stereo partner"):
        drive.read_image(0, partner=True)


def test_rendering_again_makes_only_what_is_missing(damaged: Path) -> None:
    kept, lost = damaged / "train" / "drive_0000", damaged / "test" / "drive_0000"
    before = (kept / "image" / "000000.png").stat().st_mtime_ns
    pixels = (lost / "image" / "000002.png").read_bytes()
    shutil.rmtree(lost)
    (damaged / "test" / "drive_0000.partial").mkdir()
    Render(out=damaged, train=1, val=1, test=1, frames=3, size=(32, 96), processes=2)()
    assert (kept / "image" / "000000.png").stat().st_mtime_ns == before
    assert (lost / "image" / "000002.png").read_bytes() == pixels
    assert not (damaged / "test" / "drive_0000.partial").exists()


def test_a_killed_rendering_goes_on_to_the_same_drive(rendered_set: Path, tmp_path: Path) -> None:
    root, name = tmp_path / "killed", "train/drive_0000"
    words = ["--train", "1", "--val", "0", "--test", "0", "--frames", "3", "--size", "32", "96", "--processes", "1"]
    code = "import sys; from egodepth.cli import main; main(sys.argv[1:])"
    command = [sys.executable, "-c", code, "data", "render", "--out", str(root), *words]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not list(root.glob("*/*/image/*.png")) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    Render(out=root, train=1, val=0, test=0, frames=3, size=(32, 96), processes=1)()
    assert [path.name for path in (root / "train").iterdir()] == ["drive_0000"]
    whole, resumed = rendered_set / name, root / name
    files = sorted(path.relative_to(whole) for path in whole.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(resumed) for path in resumed.rglob("*") if path.is_file())
    assert all((resumed / file).read_bytes() == (whole / file).read_bytes() for file in files)


def test_a_folder_that_is_not_its_own_is_left_alone(tmp_path: Path, damaged: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.txt").write_text("precious")
    with pytest.raises(InputError, match="something else"):
        Render(out=tmp_path / "thesis")()
    with pytest.raises(InputError, match="is a file"):
        Render(out=tmp_path / "thesis" / "chapter1.txt")()
    with pytest.raises(InputError, match="made with seed 0, not 1"):
        Render(out=damaged, train=1, val=1, test=1, frames=3, size=(32, 96), seed=1)()
    assert [path.name for path in (tmp_path / "thesis").iterdir()] == ["chapter1.txt"]


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "train").write_text("a file where a folder must be")
    with pytest.raises(InputError, match="drive_0000: cannot be written"):
        write_drive(tmp_path / "train" / "drive_0000", 1, 3, (32, 96), partner=False)


@pytest.mark.parametrize(
    "wrong", [{"frames": 0}, {"size": (96, 1)}, {"train": 0, "val": 0, "test": 0}, {"train": -1}, {"seed": -1}]
)
def test_impossible_settings_are_refused(tmp_path: Path, wrong: dict) -> None:
    with pytest.raises(InputError, match="data render"):
        Render(out=tmp_path / "set", **wrong)


@pytest.mark.parametrize("kind", ["image", "partner", "depth", "masks"])
@pytest.mark.parametrize("damage", ["missing", "truncated", "resized"])
def test_a_damaged_image_is_named(damaged: Path, kind: str, damage: str) -> None:
    path = damaged / "train" / "drive_0000" / kind / "000001.png"
    (drive,) = open_synthetic(damaged, "train")
    if damage == "missing":
        path.unlink()
    elif damage == "truncated":
        path.write_bytes(path.read_bytes()[:60])
    else:
        _halve(path)
    read = {
        "image": drive.read_image,
        "partner": lambda frame: drive.read_image(frame, partner=True),
        "depth": drive.read_depth,
        "masks": drive.read_masks,
    }[kind]
    read(0)
    with pytest.raises(InputError, match=f"{kind}/000001.png"):
        read(1)


def test_damaged_metadata_is_named(damaged: Path) -> None:
    drive = damaged / "train" / "drive_0000"
    poses = (drive / "poses.txt").read_text()
    for text in ("", poses.replace("\n", " 1.0\n", 1), "x" + poses, poses + poses):
        (drive / "poses.txt").write_text(text)
        with pytest.raises(InputError, match=r"poses\.txt"):
            open_synthetic(damaged, "train")
    (drive / "poses.txt").write_text(poses)
    (drive / "camera.json").write_text("{}")
    with pytest.raises(InputError, match=r"camera\.json"):
        open_synthetic(damaged, "train")
    shutil.rmtree(drive)
    with pytest.raises(InputError, match=r"drive_0000: this drive is missing"):
        open_synthetic(damaged, "train")
    assert len(open_synthetic(damaged, "test")) == 1


@pytest.mark.parametrize("change", [{"version": 99}, {"format": "other"}, {"colour": 3}, {"frames": "three"}])
def test_a_description_of_another_kind_is_refused(damaged: Path, change: dict) -> None:
    path = damaged / DATASET_FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(InputError, match=r"dataset\.json"):
        open_synthetic(damaged, "train")


def test_an_unknown_split_or_an_ordinary_folder_is_refused(rendered_set: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no split 'everything'"):
        open_synthetic(rendered_set, "everything")
    with pytest.raises(InputError, match="not a rendered set"):
        open_synthetic(tmp_path, "train")
    (drive,) = open_synthetic(rendered_set, "train")
    assert isinstance(drive, SyntheticDrive)
    with pytest.raises(InputError, match="no frame 3"):
        drive.read_pose(3)


def _halve(path: Path) -> None:
    from PIL import Image

    with Image.open(path) as image:
        smaller = image.resize((image.width // 2, image.height // 2), Image.Resampling.NEAREST)
    smaller.save(path)
