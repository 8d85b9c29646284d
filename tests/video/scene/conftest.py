from pathlib import Path

import numpy as np
import pytest

from egodepth.cli import main
from egodepth.hints import making
from egodepth.video.scene.scene import Scene
from footage_scenes import noisy, street, write_video
from video.street_maps import street_map

FRAMES = 14


@pytest.fixture(scope="session")
def scene_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `egodepth video` writes for a clip whose poses and points are known."""
    folder = tmp_path_factory.mktemp("scene")
    clip = write_video(folder / "ride.mp4", noisy(street(3.0 * np.arange(FRAMES))))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(making, "drive_map", lambda drive, *_: street_map(drive))
        words = ["--out", str(folder / "out"), "--fov-deg", "70", "--steps", "4", "--size", "64", "96"]
        main(["video", str(clip), *words])
    return folder / "out" / "ride"


@pytest.fixture
def scene(scene_folder: Path) -> Scene:
    return Scene.open(scene_folder)
