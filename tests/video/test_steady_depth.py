import random

import numpy as np
import pytest
import torch

from egodepth.video.depth_maps import depth_change
from egodepth.video.edge_sharpness import edge_slopes
from egodepth.video.scale_alignment import Flicker
from egodepth.video.steady_depth import REACH, PosedDepth, SteadyDepth
from video.cloud.cloud_scenes import BOX_NEAR, SIZE, WALL, box_on, camera, ground_and_wall, pose_at, smeared, smoothed

FRAMES = 14
MIDDLE = FRAMES // 2
NOISE = 0.02
STEP = 0.15
"""Distance that the camera moves forward from frame to frame."""
BOX = np.s_[17:31, 38:58]
"""Pixels well inside of the front of a box at `BOX_NEAR`."""


def drive() -> list[PosedDepth]:
    """Forward to a box on a road before a wall."""
    distances = STEP * np.arange(FRAMES)
    return [posed(smeared(box_on(ground_and_wall(z), z=z)), pose_at(z=z)) for z in distances]


def posed(depth: np.ndarray, pose: np.ndarray, row: int = 0) -> PosedDepth:
    return PosedDepth(row, (1 / depth).astype(np.float32), pose)


def noisy(frames: list[PosedDepth]) -> list[PosedDepth]:
    """The same with smooth noise and one factor for each frame, independent between frames."""
    rng = np.random.default_rng(0)
    found = []
    for frame in frames:
        noise = smoothed(rng.normal(size=SIZE), 2)
        logs = NOISE * (noise / noise.std() + rng.normal())
        found.append(frame._replace(inverse_depth=(frame.inverse_depth * np.exp(logs)).astype(np.float32)))
    return found


def filtered(frames: list[PosedDepth]) -> list[np.ndarray]:
    steady = SteadyDepth(frames.__getitem__, len(frames), camera())
    return [steady.inverse_depth(place) for place in range(len(frames))]


def maps_of(frames: list[PosedDepth]) -> list[np.ndarray]:
    return [frame.inverse_depth for frame in frames]


def flicker_of(maps: list[np.ndarray], frames: list[PosedDepth]) -> Flicker:
    changes: list[np.ndarray] = [np.empty(0)] * len(maps)
    for place in range(len(maps) - 1):
        motion = np.linalg.solve(frames[place + 1].world_from_camera, frames[place].world_from_camera)
        here, there = (torch.from_numpy(maps[index]) for index in (place, place + 1))
        changes[place] = depth_change(here, there, torch.from_numpy(motion).float(), camera()).numpy()
    return Flicker.of(changes)


def error(maps: list[np.ndarray], truth: list[np.ndarray]) -> float:
    return float(np.mean([np.abs(true / found - 1).mean() for found, true in zip(maps, truth, strict=True)]))


def test_depth_flickers_less_than_half_as_much_and_is_nearer_to_the_truth():
    frames = noisy(drive())
    before, after = maps_of(frames), filtered(frames)
    flickers = flicker_of(before, frames), flicker_of(after, frames)
    assert flickers[1].typical()[0] < 0.4 * flickers[0].typical()[0]
    assert flickers[1].typical()[1] < 0.6 * flickers[0].typical()[1]
    assert error(after, maps_of(drive())) < 0.6 * error(before, maps_of(drive()))


def test_the_first_and_the_last_frame_are_steadier_too():
    frames = noisy(drive())
    before, after = flicker_of(maps_of(frames), frames), flicker_of(filtered(frames), frames)
    for place in (0, FRAMES - 2):
        assert after.middle[place] < 0.5 * before.middle[place]


def test_depth_that_is_right_stays_as_it_is():
    frames = [posed(box_on(ground_and_wall(z), z=z), pose_at(z=z)) for z in STEP * np.arange(FRAMES)]
    for found, true in zip(filtered(frames), maps_of(frames), strict=True):
        off = np.abs(found / true - 1)
        assert np.quantile(off, 0.95) < 1e-5
        assert off.max() < 0.05  # at the crease between road and wall, and at edges


@pytest.mark.parametrize("of", [drive, lambda: noisy(drive())], ids=["exact", "noisy"])
def test_edges_stay_as_sharp(of):
    frames = of()
    slopes = [edge_slopes(before, after) for before, after in zip(maps_of(frames), filtered(frames), strict=True)]
    before, after = np.mean(slopes, axis=0)
    assert after == pytest.approx(before, rel=0.03)
    blurred = [edge_slopes(before, smoothed(before, 1).astype(np.float32))[1] for before in maps_of(frames)]
    assert np.mean(blurred) < 0.93 * before  # the measure does see softer edges


def test_an_object_that_moves_along_with_the_camera_keeps_its_depth():
    distances = STEP * np.arange(FRAMES)
    frames = [posed(box_on(ground_and_wall(z)), pose_at(z=z)) for z in distances]
    for found in filtered(frames)[REACH:-REACH]:
        np.testing.assert_allclose(1 / found[BOX], BOX_NEAR, rtol=1e-4)


def test_an_object_that_crosses_leaves_no_trail():
    frames = [posed(box_on(np.full(SIZE, WALL), box_x=0.3 * x), pose_at()) for x in range(FRAMES)]
    for found, frame in zip(filtered(frames), frames, strict=True):
        np.testing.assert_allclose(found, frame.inverse_depth, rtol=1e-6)


def wall(scale: float, row: int = 0) -> PosedDepth:
    return posed(np.full(SIZE, WALL * scale), np.eye(4), row)


def test_an_error_that_grows_steadily_is_left_also_where_a_frame_disagrees():
    frames = [wall(1 + 0.01 * place) for place in range(FRAMES)]
    frames[MIDDLE + 1] = wall(2.0)
    found = filtered(frames)
    for place in (MIDDLE, MIDDLE - 1):
        np.testing.assert_allclose(1 / found[place], WALL * (1 + 0.01 * place), rtol=1e-5)


def test_nothing_is_mixed_across_rows():
    first, second = noisy(drive()[:6]), noisy(drive()[6:])
    nowhere = wall(1.0, row=-1)
    both = [*first, nowhere, nowhere, *(frame._replace(row=1) for frame in second)]
    found = filtered(both)
    np.testing.assert_array_equal(found, [*filtered(first), *maps_of([nowhere] * 2), *filtered(second)])


def test_frames_without_a_pose_or_neighbours_are_left():
    unknown = [frame._replace(row=-1) for frame in noisy(drive())]
    np.testing.assert_array_equal(filtered(unknown), maps_of(unknown))
    alone = noisy(drive())[:1]
    np.testing.assert_array_equal(filtered(alone), maps_of(alone))


def test_the_order_of_requests_does_not_matter_and_in_order_each_frame_is_read_once():
    frames, read = noisy(drive()), []

    def frame(place: int) -> PosedDepth:
        read.append(place)
        return frames[place]

    steady = SteadyDepth(frame, FRAMES, camera())
    in_order = [steady.inverse_depth(place) for place in range(FRAMES)]
    assert read == list(range(FRAMES))
    places = random.Random(0).sample(range(FRAMES), FRAMES)
    for place in places:
        np.testing.assert_array_equal(steady.inverse_depth(place), in_order[place])
