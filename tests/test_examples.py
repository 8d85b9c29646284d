"""Every program of `examples/` runs, on tiny data."""

import json
import re
import runpy
import socket
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from egodepth.config import ModelConfig
from egodepth.foundation.errors import InputError
from egodepth.hints import making
from egodepth.weights import DepthModel, ModelCard, load_card
from footage_scenes import noisy, street, write_folder, write_video
from video.street_maps import street_map

EXAMPLES = Path(__file__).parents[1] / "examples"
NETWORK = ModelConfig(encoder="test_resnet", pose="separate")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys):
    """Run a program, and return what it printed."""

    def call(name: str, *words: str | Path) -> str:
        monkeypatch.setattr(sys, "argv", [name, *map(str, words)])
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        return capsys.readouterr().out

    return call


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Frames with their camera file."""
    folder = write_folder(tmp_path / "ride", noisy(street(3.0 * np.arange(14))))
    (folder / "camera.json").write_text(json.dumps({"fov_deg": 70}))
    return folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    torch.manual_seed(1)
    card = ModelCard(network=NETWORK, size=(64, 96), metric=False, has_pose_net=True, offsets=(-1, 1))
    DepthModel(card).save(tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture
def _known_geometry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "drive_map", lambda drive, *_: street_map(drive))


@pytest.mark.usefixtures("_known_geometry")
def test_a_clip_goes_to_other_programs(run, clip: Path, tmp_path: Path):
    assert "14 images" in run("clip_to_colmap.py", clip, tmp_path / "out", "--steps", "2")
    assert (tmp_path / "out" / "ride" / "depth" / "000000.npz").is_file()
    # The second one finds the training done.
    assert "ns-train" in run("clip_to_splatting.py", clip, tmp_path / "out", "--steps", "2")


def test_a_webcam_is_shown(run, model: Path, tmp_path: Path):
    video = write_video(tmp_path / "ride.mp4", street(3.0 * np.arange(6)))
    assert "3 frames" in run("webcam_depth.py", model, "--camera", video, "--port", "0", "--frames", "3")
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(InputError, match="is taken"):
        run("webcam_depth.py", model, "--camera", video, "--port", str(other.getsockname()[1]), "--frames", "3")


def test_a_webcam_is_shown_to_no_page_of_another_site(run, model: Path, monkeypatch: pytest.MonkeyPatch):
    pages = pytest.importorskip("video.viewer.pages")
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    got: dict[str, bytes] = {}

    class Camera:
        """A camera in front of which two pages are opened."""

        def __init__(self, _: int) -> None:
            self.frames = 0

        def isOpened(self) -> bool:
            return True

        def read(self) -> tuple[bool, np.ndarray]:
            if self.frames == 0:
                for origin in (address, "http://evil.example"):
                    got[origin] = pages.received(address, origin, 10_000)
            self.frames += 1
            return self.frames <= 2, np.zeros((48, 96, 3), np.uint8)

    monkeypatch.setattr("cv2.VideoCapture", Camera)
    assert "2 frames" in run("webcam_depth.py", model, "--port", address.rpartition(":")[2])
    assert [b"near is bright" in each for each in got.values()] == [True, False]


def test_the_height_of_the_camera_gives_metres(run, model: Path, real_data: Path, tmp_path: Path):
    day = real_data.resolve() / "kitti_raw" / "2011_09_26"
    (tmp_path / "kitti" / day.name).mkdir(parents=True)
    for path in [*day.glob("*.txt"), *day.glob("*drive_0001_sync")]:
        (tmp_path / "kitti" / day.name / path.name).symlink_to(path)
    image = next(day.glob("*drive_0001_sync/image_02/data/*.png"))
    said = run("metres_by_camera_height.py", model, tmp_path / "kitti", "1.65", image)
    assert re.search(r"metric: True; the middle of the image is [\d.]+ m away", said)
    assert load_card(model).scale.by == "height"


def test_a_model_is_trained_further_on_pairs(run, model: Path, make_clip, tmp_path: Path):
    pairs = make_clip(tmp_path / "pairs", frames=4, size=(64, 96), partner=True)
    said = run("finetune_on_stereo.py", model, pairs, tmp_path / "run", "--steps", "2")
    assert re.search(r"2 steps in .* min; model: ", said)
    assert load_card(tmp_path / "run").metric


def test_every_program_is_listed_and_says_what_it_is():
    listed = re.findall(r"\[`(\w+\.py)`\]", (EXAMPLES / "README.md").read_text())
    assert sorted(listed) == sorted(path.name for path in EXAMPLES.glob("*.py"))
