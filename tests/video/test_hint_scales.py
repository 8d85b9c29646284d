from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from egodepth.data.footage.source import open_footage
from egodepth.data.media.frame_numbers import FrameNumbers
from egodepth.data.readers.folder import FolderDrive
from egodepth.hints.known import KnownDrive, KnownDrives
from egodepth.hints.store import HintMaps
from egodepth.sfm.clip_map import ClipMap
from egodepth.video.aligned_clip import Aligned
from egodepth.video.camera_path import RowTrajectory
from egodepth.video.clip_geometry import Geometry
from egodepth.video.depth_maps import FrameMaps, maps_path
from egodepth.video.hint_scales import around_hints
from egodepth.video.learned import Learned
from egodepth.video.point_checks import Witness, check_points
from egodepth.video.recording import Recording, Row
from egodepth.video.steadiness import flicker_plot, steadiness_figures, steadiness_of
from hints.map_scenes import map_of

SIZE = (64, 96)
FRAMES, EVERY = 8, 3
"""Every third frame is one that was extracted."""
WALL, UNIT = 5.0, 2.0
"""What the network sees, and its unit of depth over that of the hints."""
BOX, SKY = np.s_[20:50, 30:70], np.s_[:10]
NEARER = 0.8
"""Where the box truly is, share of the wall's depth; the network has it at the wall."""


def hint_with_box() -> np.ndarray:
    """Hints of wall and box in their own unit, none of the sky."""
    hint = np.full(SIZE, UNIT / WALL, np.float32)
    hint[BOX] /= NEARER
    hint[SKY] = 0
    return hint


@pytest.fixture
def recording(make_clip, tmp_path: Path) -> Recording:
    folder = make_clip(tmp_path / "clip", frames=FRAMES)
    seconds = 0.1 * np.arange(0, FRAMES, EVERY)
    return Recording("clip", open_footage(folder), FolderDrive(folder), [Row(list(range(len(seconds))), seconds)])


def wall_map(frames: int = 3) -> ClipMap:
    """Points of the wall, in the unit of the hints."""
    columns, rows = np.meshgrid(np.linspace(-3, 3, 9), np.linspace(-1.8, 1.8, 9))
    points = np.column_stack([columns.ravel(), rows.ravel(), np.full(columns.size, WALL)]) / UNIT
    return map_of(points.tolist(), frames)


def with_hints(
    recording: Recording, folder: Path, hints: list[np.ndarray], sideways: float = 0.0, unit: float = UNIT
) -> Aligned:
    """The network sees a wall, in each frame in a scale of its own; the camera moves so far between extracted frames.

    The last frame is of no row.
    """
    for place in range(FRAMES):
        inverse_depth = np.full(SIZE, (1 + 0.1 * place) / WALL, np.float32)
        none, change = np.zeros(SIZE, np.float16), np.zeros(4 if place + 2 < FRAMES else 0, np.float16)
        row = 0 if place + 1 < FRAMES else -1
        FrameMaps(0.1 * place, row, inverse_depth, none, none, none, change).write(maps_path(folder, place))
    (row,) = recording.rows
    maps = HintMaps(folder / "sweep", len(hints), SIZE, {})
    for position, hint in enumerate(hints):
        maps.write(position, hint)
    clip_map = wall_map()
    drive = KnownDrive(FrameNumbers.of(row.numbers), clip_map, (maps,), None, metric=False)
    geometry = Geometry(KnownDrives([drive], SIZE), 0, clip_map)
    twists = np.zeros((len(row.numbers) - 1, 6))
    twists[:, 3] = -sideways
    trajectory = RowTrajectory(row.seconds, twists, np.full(len(row.numbers), unit))
    return Aligned.of(recording, folder, FRAMES, [trajectory], geometry)


def test_a_shape_that_hints_contradict_goes_to_the_hints_and_the_rest_stays():
    hint = hint_with_box() / UNIT
    logs = around_hints(np.full(SIZE, 1 / WALL, np.float32), hint).log
    np.testing.assert_allclose(logs[30:40, 45:55], -np.log(NEARER), rtol=0.06)
    assert np.abs(logs[:7]).max() == 0  # no hint around
    assert np.abs(logs[55:, :20]).max() < 1e-6  # they agree


@pytest.mark.parametrize("factor", [100.0, 0.01])
def test_a_hint_far_off_counts_as_one_at_the_limit(factor: float):
    inverse_depth = np.full(SIZE, 1 / WALL, np.float32)
    farthest = np.abs(around_hints(inverse_depth, inverse_depth * np.float32(factor)).log).max()
    assert np.log(1.9) < farthest < np.log(2.1)


def test_frames_follow_the_hints_of_the_extracted_frames_around(recording: Recording, tmp_path: Path):
    aligned = with_hints(recording, tmp_path / "maps", [hint_with_box()] * 3)
    for place in range(FRAMES - 1):
        depth, alone = (1 / maps.inverse_depth for maps in (aligned.frame(place), aligned.network_frame(place)))
        # Scales are interpolated between extracted frames, so those between are right to a per cent.
        np.testing.assert_allclose(depth[30:40, 45:55], NEARER * WALL, rtol=0.03)
        np.testing.assert_allclose(depth[:7], WALL, rtol=0.02)
        np.testing.assert_allclose(alone, WALL, rtol=0.02)


def test_towards_a_frame_without_hints_they_are_faded_out(recording: Recording, tmp_path: Path):
    aligned = with_hints(recording, tmp_path / "maps", [hint_with_box(), np.zeros(SIZE, np.float32), hint_with_box()])
    ratios = [aligned.frame(place).inverse_depth / aligned.network_frame(place).inverse_depth for place in range(4)]
    inside = np.log(ratios)[:, 35, 50]
    np.testing.assert_allclose(inside / inside[0], [1, 2 / 3, 1 / 3, 0], atol=1e-5)
    assert inside[0] > 0.2


def test_a_correction_moves_with_what_it_corrects(recording: Recording, tmp_path: Path):
    # A box before a wall that both the network and the hints see, the network 20 % too far: four columns from one
    # extracted frame to the next.
    columns, focal = 4, 0.714 * SIZE[1]
    boxes = [hint_with_box(), np.roll(hint_with_box(), -columns, 1), np.roll(hint_with_box(), -2 * columns, 1)]
    aligned = with_hints(recording, tmp_path / "maps", boxes, sideways=columns * WALL / focal)
    for place, moved in ((0, 0), (1, 1.33), (2, 2.67), (3, 4)):
        logs = np.log(aligned.frame(place).inverse_depth / aligned.network_frame(place).inverse_depth)[30:40].mean(0)
        middle = (np.arange(SIZE[1]) * logs).sum() / logs.sum()
        assert middle == pytest.approx(49.5 - moved, abs=0.2)
        assert logs.max() > 0.9 * -np.log(NEARER)  # blended where it was, the middle of its edges would be lower
        assert (np.abs(logs) > 0.1).sum() == pytest.approx(40, abs=1)


def test_without_poses_or_hints_the_network_is_shown(recording: Recording, tmp_path: Path):
    unknown = with_hints(recording, tmp_path / "unknown", [hint_with_box()] * 3, unit=np.nan)
    for place in (0, 1, FRAMES - 1):
        np.testing.assert_array_equal(unknown.frame(place).inverse_depth, unknown.network_frame(place).inverse_depth)
    of_no_row = with_hints(recording, tmp_path / "known", [hint_with_box()] * 3)
    assert of_no_row.rows[-1] == -1
    np.testing.assert_array_equal(
        of_no_row.frame(FRAMES - 1).inverse_depth, of_no_row.network_frame(FRAMES - 1).inverse_depth
    )


def test_what_was_learned_is_judged_by_the_network_alone(recording: Recording, tmp_path: Path):
    aligned = with_hints(recording, tmp_path / "maps", [hint_with_box()] * 3)
    assert Learned.of(aligned).spread < 1e-6
    check = check_points(Witness(wall_map(), held_out=False), recording, aligned)
    assert check is not None
    # The points say wall; the box of the hints stands before it, and is not the network's fault.
    assert check.abs_rel_network < 1e-3 < check.abs_rel_per_frame


def test_flicker_is_that_of_the_depth_that_is_shown(recording: Recording, tmp_path: Path):
    steady = with_hints(recording, tmp_path / "steady", [hint_with_box()] * 3).flicker
    # Half of what hints correct is nearer and half farther, so that no factor of a whole frame can follow it.
    restless_hint = np.full(SIZE, UNIT / WALL, np.float32)
    restless_hint[:, :38] /= NEARER
    restless_hint[:, -38:] *= NEARER
    flat = np.full(SIZE, UNIT / WALL, np.float32)
    restless = with_hints(recording, tmp_path / "restless", [restless_hint, flat, restless_hint]).flicker
    assert np.nanmax(steady.middle) < 0.02
    assert np.nanmean(restless.middle) == pytest.approx(-np.log(NEARER) / EVERY, rel=0.15)
    assert restless.typical()[0] > 3 * steady.typical()[0]


def test_flicker_is_given_before_and_after_the_filter_over_time(recording: Recording, tmp_path: Path):
    hints = [hint_with_box(), np.full(SIZE, UNIT / WALL, np.float32), hint_with_box()]
    unfiltered = with_hints(recording, tmp_path / "maps", hints)
    filtered = replace(unfiltered, steady=True)
    np.testing.assert_array_equal(filtered.unfiltered_flicker.tail, unfiltered.flicker.tail)
    assert filtered.flicker.typical()[1] < 0.7 * unfiltered.flicker.typical()[1]
    figures = steadiness_of(filtered)
    assert (figures["flicker_tail_unfiltered"], figures["flicker_tail"]) == tuple(
        each.flicker.typical()[1] for each in (unfiltered, filtered)
    )
    shown = [figure.name for figure in steadiness_figures(figures, steady=True)]
    assert "Sharpness of edges" in shown
    assert [line.name for line in flicker_plot(filtered).series] == ["as predicted", "as shown", "before the filter"]
    assert len(flicker_plot(unfiltered).series) == 2
