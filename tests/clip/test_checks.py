from pathlib import Path

import numpy as np
import pytest

from egodepth.clip.aligned import Aligned
from egodepth.clip.checks import check_sparse
from egodepth.clip.maps import FrameMaps, maps_path
from egodepth.clip.recording import Recording, Row
from egodepth.clip.track import RowTrack
from egodepth.data.folder import FolderDrive
from egodepth.data.footage.source import open_footage

FRAMES, STEP, WALL = 6, 0.1, 5.0


@pytest.fixture
def recording(make_clip, tmp_path: Path) -> Recording:
    folder = make_clip(tmp_path / "clip", frames=FRAMES)
    row = Row(list(range(FRAMES)), 0.1 * np.arange(FRAMES))
    return Recording("clip", open_footage(folder), FolderDrive(folder), [row])


def aligned(recording: Recording, folder: Path, depths: list[float], sideways: float) -> Aligned:
    """A model that sees a wall in front of a camera that moves sideways, each frame at its depth."""
    for place, depth in enumerate(depths):
        full = np.full((64, 96), 1 / depth, np.float32)
        none, change = np.zeros((64, 96), np.float16), np.zeros(4 if place + 1 < FRAMES else 0, np.float16)
        FrameMaps(0.1 * place, 0, full, none, none, change).write(maps_path(folder, place))
    twists = np.zeros((FRAMES - 1, 6))
    twists[:, 3] = -sideways
    twists[FRAMES // 2 :, 4] = -sideways  # and, half-way, downwards: a bend
    return Aligned.of(recording, folder, FRAMES, [RowTrack(0.1 * np.arange(FRAMES), twists)])


@pytest.fixture
def sparse(tmp_path: Path) -> Path:
    """What structure from motion says of the same wall and the same way."""
    rng = np.random.default_rng(0)
    xyz = np.column_stack([rng.uniform(-1, 1, (200, 2)), np.full(200, WALL)])
    poses = np.tile(np.eye(4), (FRAMES, 1, 1))
    poses[:, 0, 3] = STEP * np.arange(FRAMES)
    poses[:, 1, 3] = STEP * np.maximum(np.arange(FRAMES) - FRAMES // 2, 0)
    observations = np.array([(frame, point) for frame in range(FRAMES) for point in range(200)])
    file = tmp_path / "sparse.npz"
    np.savez(file, xyz=xyz, observations=observations, frames=np.arange(FRAMES), world_from_camera=poses)
    return file


def test_a_model_that_is_right_but_for_its_scale_agrees(recording: Recording, sparse: Path, tmp_path: Path):
    check = check_sparse(sparse, recording, aligned(recording, tmp_path / "maps", [2 * WALL] * FRAMES, 2 * STEP))
    assert check is not None
    assert check.frames == FRAMES
    assert check.points > 500
    assert max(check.abs_rel, check.abs_rel_per_frame, check.abs_rel_confident) < 1e-6
    assert check.ate_percent < 1e-6


def test_frames_in_scales_of_their_own_differ_in_one_scale_alone(recording: Recording, sparse: Path, tmp_path: Path):
    depths = [WALL, 1.5 * WALL] * (FRAMES // 2)
    check = check_sparse(sparse, recording, aligned(recording, tmp_path / "maps", depths, STEP))
    assert check is not None
    assert check.abs_rel > 0.15
    assert check.abs_rel_per_frame < 1e-6


def test_another_way_shows_in_percent_of_its_length(recording: Recording, sparse: Path, tmp_path: Path):
    right = aligned(recording, tmp_path / "maps", [WALL] * FRAMES, STEP)
    right.tracks[0].twists[2, 5] = 0.5  # a leap forwards that was not there
    check = check_sparse(sparse, recording, right)
    assert check is not None
    assert 5 < check.ate_percent < 50


def test_without_points_or_with_those_of_another_clip_there_is_no_check(
    recording: Recording, sparse: Path, tmp_path: Path
):
    right = aligned(recording, tmp_path / "maps", [WALL] * FRAMES, STEP)
    assert check_sparse(tmp_path / "nowhere.npz", recording, right) is None
    with np.load(sparse) as arrays:
        np.savez(tmp_path / "other.npz", **{**arrays, "frames": np.arange(FRAMES) + 100})
    assert check_sparse(tmp_path / "other.npz", recording, right) is None
