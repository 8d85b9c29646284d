"""Fixtures for every test: fixed seeds, tolerances by dtype, and the folder of real recordings."""

import gc
import json
import logging
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

TOLERANCES = {torch.float32: {"rtol": 1e-5, "atol": 1e-6}, torch.float64: {"rtol": 1e-9, "atol": 1e-10}}
"""What rounding explains, by dtype; a test that needs more says why."""

REAL_DATA_DEFAULT = Path(__file__).parents[2] / "shared" / "data"

os.environ["HF_HUB_OFFLINE"] = "1"  # no test waits for the model hub; its client reads this when it is imported

SLOWEST = (
    "video/scale/test_command.py",
    "foundation/test_ranks.py",
    "video/test_command.py",
    "training/test_train.py",
    "video/scale/test_pairs.py",
    "training/test_train_faults.py",
    "sfm/test_camera_command.py",
    "inference/export/test_exporting.py",
)
"""Files that begin, so that no worker is left with one of them when the others are done."""

torch.set_num_threads(1)  # the same sums on every machine, and no contention where several suites run


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slowest files first; the others keep their order."""
    items.sort(key=lambda item: not item.path.as_posix().endswith(SLOWEST))


def pytest_collection_finish() -> None:
    """What the imports made stays: collecting garbage need not look at it, a third of a second each time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nothing of the tests stays in the user's cache."""
    os.environ["EGODEPTH_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """Every test draws the same numbers, alone or in the suite."""
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def _all_messages() -> None:
    """Libraries that export models raise the level of everybody's handlers, those of `caplog` too, and leave it so."""
    for handler in logging.getLogger().handlers:
        handler.setLevel(logging.NOTSET)


@pytest.fixture
def assert_close() -> Callable[[Tensor, Tensor | np.ndarray | float], None]:
    """Compare a tensor with what is expected, within the tolerance of its dtype."""

    def compare(actual: Tensor, expected: Tensor | np.ndarray | float) -> None:
        expected = torch.as_tensor(expected, dtype=actual.dtype).expand_as(actual)
        torch.testing.assert_close(actual, expected, **TOLERANCES[actual.dtype])

    return compare


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real recordings, from EGODEPTH_TEST_DATA; tests that ask for it are skipped where it is absent."""
    folder = Path(os.environ.get("EGODEPTH_TEST_DATA", REAL_DATA_DEFAULT))
    if not folder.is_dir():
        pytest.skip(f"no real recordings at {folder} (set EGODEPTH_TEST_DATA)")
    return folder


@pytest.fixture(scope="session")
def make_clip() -> Callable[..., Path]:
    """Writes a folder of frames for training: a texture that moves sideways, its camera, perhaps the stereo partner."""

    def make(folder: Path, frames: int = 8, size: tuple[int, int] = (64, 96), partner: bool = False) -> Path:
        height, width = size
        coarse = np.random.default_rng(7).integers(0, 256, (height // 8, (width + 2 * frames) // 4, 3), np.uint8)
        texture = Image.fromarray(coarse).resize((width + 2 * frames + 3, height), Image.Resampling.BICUBIC)
        for name, shift in (("", 0), ("partner", 3)) if partner else (("", 0),):
            (folder / name).mkdir(parents=True, exist_ok=True)
            for frame in range(frames):
                left = 2 * frame + shift
                texture.crop((left, 0, left + width, height)).save(folder / name / f"{frame:06d}.png")
        camera: dict[str, object] = {"fov_deg": 70}
        if partner:
            camera["partner"] = {"baseline_m": 0.5}
        (folder / "camera.json").write_text(json.dumps(camera))
        return folder

    return make


@pytest.fixture(scope="session")
def unbroken(make_clip: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A clip and a run of `tiny_training.command` on it that nothing disturbed."""
    from egodepth.cli import main  # here: tests of small rooms need not wait for it
    from tiny_training import SIZE, command

    folder = tmp_path_factory.mktemp("unbroken")
    clip, run = make_clip(folder / "clip", size=SIZE), folder / "run"
    main(command(clip, run))
    return clip, run
