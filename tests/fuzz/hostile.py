"""What the tests of hostile files share: a model's card, a folder with a manifest, and how a refusal is caught."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from egodepth.config import ModelConfig
from egodepth.data.images import write_image
from egodepth.foundation.errors import InputError
from egodepth.weights import ModelCard

CARD = ModelCard(
    network=ModelConfig(encoder="test_resnet", pose="posecnn"),
    size=(64, 96),
    metric=False,
    has_pose_net=True,
    offsets=(-1, 1),
)


def refused(action: Callable[[], object]) -> str:
    """The line with which something is refused."""
    with pytest.raises(InputError) as caught:
        action()
    assert str(caught.value).isprintable()
    return str(caught.value)


def a_manifest(folder: Path, *drives: str) -> Path:
    """A folder with three frames of each drive, all with true depth."""
    picture = np.random.default_rng(0).integers(0, 256, (64, 102, 3), np.uint8)
    lines = ["drive,frame,image,camera,depth"]
    for frame in range(3):
        write_image(folder / f"{frame}.png", picture[:, 2 * frame : 2 * frame + 96])
        np.save(folder / f"{frame}.npy", np.full((64, 96), 5, np.float32))
        lines += [f"{drive},{frame},{frame}.png,camera.json,{frame}.npy" for drive in drives]
    (folder / "camera.json").write_text('{"fov_deg": 70}')
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")
    return folder
