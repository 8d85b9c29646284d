from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from egodepth.data.footage.source import open_footage
from egodepth.data.readers.folder import FolderDrive
from egodepth.sfm.clip_map import ClipMap
from egodepth.video.aligned_clip import Aligned
from egodepth.video.camera_path import RowTrajectory
from egodepth.video.depth_maps import FrameMaps, maps_path
from egodepth.video.error_model import UNADAPTED
from egodepth.video.learned import Learned
from egodepth.video.point_checks import Witness, adaptation, check_points
from egodepth.video.recording import Recording, Row
from hints.map_scenes import map_of

FRAMES, STEP, WALL = 6, 0.1, 5.0
SIZE = (64, 96)


@pytest.fixture
def recording(make_clip, tmp_path: Path) -> Recording:
    folder = make_clip(tmp_path / "clip", frames=FRAMES)
    row = Row(list(range(FRAMES)), 0.1 * np.arange(FRAMES))
    return Recording("clip", open_footage(folder), FolderDrive(folder), [row])


def aligned(
    recording: Recording, folder: Path, depths: list[float], sideways: float, error: tuple[float, float] = (0, 0)
) -> Aligned:
    """A model that sees a wall in front of a camera that moves sideways, each frame at its depth.

    `error` is the photometric one of the warped and of the unwarped neighbours.
    """
    for place, depth in enumerate(depths):
        full = np.full(SIZE, 1 / depth, np.float32)
        none, change = np.zeros(SIZE, np.float16), np.zeros(4 if place + 1 < FRAMES else 0, np.float16)
        residual, unwarped = (np.full(SIZE, value, np.float16) for value in error)
        FrameMaps(0.1 * place, 0, full, none, residual, unwarped, change).write(maps_path(folder, place))
    twists = np.zeros((FRAMES - 1, 6))
    twists[:, 3] = -sideways
    twists[FRAMES // 2 :, 4] = -sideways  # and, half-way, downwards: a bend
    return Aligned.of(recording, folder, FRAMES, [RowTrajectory(0.1 * np.arange(FRAMES), twists)])


def wall(depth_of_held_out: float = WALL) -> ClipMap:
    """What structure from motion says of the same wall and the same way."""
    rng = np.random.default_rng(0)
    xyz = np.column_stack([rng.uniform(-1, 1, (200, 2)), np.full(200, WALL)])
    xyz[::10] *= depth_of_held_out / WALL
    poses = np.tile(np.eye(4), (FRAMES, 1, 1))
    poses[:, 0, 3] = STEP * np.arange(FRAMES)
    poses[:, 1, 3] = STEP * np.maximum(np.arange(FRAMES) - FRAMES // 2, 0)
    return replace(map_of(xyz.tolist(), FRAMES), world_from_camera=poses)


def test_a_model_that_is_right_but_for_its_scale_agrees(recording: Recording, tmp_path: Path):
    model = aligned(recording, tmp_path / "maps", [2 * WALL] * FRAMES, 2 * STEP)
    check = check_points(Witness(wall(), False), recording, model)
    assert check is not None
    assert check.frames == FRAMES
    assert check.points > 500
    assert max(check.abs_rel, check.abs_rel_per_frame, check.abs_rel_confident) < 1e-6
    assert check.ate_percent < 1e-6


def test_the_points_that_no_training_saw_are_the_judges(recording: Recording, tmp_path: Path):
    # They lie where the model does not see them, all others where it does; a frame's factor is that of all its points.
    model = aligned(recording, tmp_path / "maps", [WALL] * FRAMES, STEP)
    check = check_points(Witness(wall(1.5 * WALL), True), recording, model)
    assert check is not None
    assert 60 < check.points <= 120
    assert check.abs_rel == pytest.approx(1 / 3, rel=1e-5)
    assert check.abs_rel_per_frame == pytest.approx(1 / 3, rel=1e-5)
    assert check.abs_rel_blind > 0.2


def test_frames_in_scales_of_their_own_differ_in_one_scale_alone(recording: Recording, tmp_path: Path):
    model = aligned(recording, tmp_path / "maps", [WALL, 1.5 * WALL] * (FRAMES // 2), STEP)
    check = check_points(Witness(wall(), False), recording, model)
    assert check is not None
    assert check.abs_rel > 0.15
    assert check.abs_rel_per_frame < 1e-6


def test_another_way_shows_in_percent_of_its_length(recording: Recording, tmp_path: Path):
    right = aligned(recording, tmp_path / "maps", [WALL] * FRAMES, STEP)
    right.row_trajectories[0].twists[2, 5] = 0.5  # a leap forwards that was not there
    check = check_points(Witness(wall(), False), recording, right)
    assert check is not None
    assert 5 < check.ate_percent < 50


def test_a_way_that_is_the_maps_own_is_not_compared_with_it(recording: Recording, tmp_path: Path):
    right = aligned(recording, tmp_path / "maps", [WALL] * FRAMES, STEP)
    of_the_map = replace(right, row_trajectories=[replace(right.row_trajectories[0], units=np.ones(FRAMES))])
    check = check_points(Witness(wall(), False), recording, of_the_map)
    assert check is not None
    assert check.ate_percent is None


def test_without_points_or_with_those_of_other_frames_there_is_no_check(recording: Recording, tmp_path: Path):
    right = aligned(recording, tmp_path / "maps", [WALL] * FRAMES, STEP)
    assert check_points(None, recording, right) is None
    assert check_points(Witness(replace(wall(), frames=np.arange(FRAMES) + 100), False), recording, right) is None


def test_a_model_that_explains_what_changes_and_agrees_with_the_points_is_not_warned_of(
    recording: Recording, tmp_path: Path
):
    model = aligned(recording, tmp_path / "maps", [WALL] * FRAMES, STEP, error=(0.02, 0.1))
    found = Learned.of(model)
    assert found.explained == pytest.approx(0.8, abs=0.01)
    assert found.spread == 0.0
    check = check_points(Witness(wall(), True), recording, model)
    assert [text for text in replace(found, spread=0.5).warnings(check) if text] == []


@pytest.mark.parametrize(
    ("changes", "blind", "said"),
    [
        ({"explained": 0.02}, 0.5, "explain only 2%"),
        ({"explained": -0.3}, 0.5, "explain only 0%"),
        ({"spread": 0.01}, 0.5, "hardly differs"),
        ({}, 0.1, "10% from an answer that looks at no image"),
    ],
)
def test_each_witness_that_nothing_was_learned_warns(recording: Recording, tmp_path: Path, changes, blind, said):
    model = aligned(recording, tmp_path / "maps", [WALL] * FRAMES, STEP)
    check = check_points(Witness(wall(), True), recording, model)
    assert check is not None
    check = replace(check, abs_rel_network=0.09, abs_rel_blind=blind)
    warnings = replace(Learned(explained=0.8, spread=0.5), **changes).warnings(check)
    assert len(warnings) == 1
    assert said in warnings[0]
    assert Learned(explained=None, spread=0.5).warnings(None) == []


def crooked_wall() -> ClipMap:
    """A wall whose points lie up to 40 % away from it."""
    whole = wall()
    away = np.random.default_rng(1).uniform(0.8, 1.2, len(whole.points.xyz))
    return replace(whole, points=replace(whole.points, xyz=whole.points.xyz * away[:, None]))


def test_points_of_even_number_bring_the_expected_error_of_a_given_model_to_the_clips(
    recording: Recording, tmp_path: Path
):
    model = aligned(recording, tmp_path / "maps", [WALL] * FRAMES, STEP)
    witness = Witness(crooked_wall(), held_out=False)
    adapted = adaptation(witness, recording, model)
    before = check_points(witness, recording, model)
    after = check_points(witness, recording, replace(model, adapted=adapted))
    assert before is not None
    assert after is not None
    assert after.points == before.points < 0.6 * FRAMES * 200  # the others judge
    stated = np.median(replace(model, adapted=adapted).trust(2).expected_error)
    assert stated == pytest.approx(0.1, rel=0.2)  # half of the points are nearer
    groups = after.groups[1]
    assert groups.limit == 0.1
    assert np.mean(groups.said) == pytest.approx(np.mean(groups.found), abs=0.1)


def test_too_few_points_leave_the_expected_error_as_it_is(recording: Recording, tmp_path: Path):
    model = aligned(recording, tmp_path / "maps", [WALL] * FRAMES, STEP)
    whole = crooked_wall()
    few = whole.points.observations[:, 1] < 40
    points = replace(whole.points, observations=whole.points.observations[few], rays=whole.points.rays[few])
    witness = Witness(replace(whole, points=points), held_out=False)
    assert adaptation(witness, recording, model) == UNADAPTED


def test_the_report_knows_how_many_points_are_as_near_as_they_are_said_to_be(recording: Recording, tmp_path: Path):
    model = aligned(recording, tmp_path / "maps", [WALL] * FRAMES, STEP)
    right, wrong = (check_points(Witness(wall(away * WALL), True), recording, model) for away in (1.0, 3.0))
    assert right is not None
    assert wrong is not None
    expected = model.trust(2).expected_error.max()
    for share, other in zip(right.within, wrong.within, strict=True):
        assert share.pixels == other.pixels == (1.0 if expected <= share.limit else 0.0)
        if share.pixels:
            assert (share.found, other.found) == (1.0, 0.0)
    assert any(share.pixels for share in right.within)
