from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from egodepth.data.media.frames import FrameFolder
from egodepth.sfm.choosing import STEP, chosen_frames, frames_around, horizontal_shift, most_turning, moving_positions


def texture(shift: int = 0) -> np.ndarray:
    coarse = Image.fromarray(np.random.default_rng(3).integers(0, 256, (12, 40), np.uint8))
    wide = np.array(coarse.resize((320, 96), Image.Resampling.BICUBIC))
    return wide[:, 60 - shift : 252 - shift]


def test_the_shift_of_an_image_to_the_right_is_positive():
    first, right, left = (texture(shift).astype(np.float32) for shift in (0, 5, -9))
    assert horizontal_shift(first, right) == pytest.approx(5 / 192, abs=0.2 / 192)
    assert horizontal_shift(first, left) == pytest.approx(-9 / 192, abs=0.2 / 192)
    assert horizontal_shift(first, (right + texture(6)) / 2) == pytest.approx(5.5 / 192, abs=0.2 / 192)


def test_frames_are_taken_when_the_image_has_moved_enough():
    fast, slow, still = 2 * STEP, STEP / 4, STEP / 20
    assert moving_positions(np.array([fast, fast, fast])) == [0, 1, 2, 3]
    assert moving_positions(np.array([slow] * 8)) == [0, 4, 8]
    assert moving_positions(np.array([still] * 100)) == [0]
    assert moving_positions(np.array([np.inf, still, fast])) == [0, 1, 3]


def test_the_window_is_where_the_camera_turns_most():
    heading = np.concatenate([np.zeros(30), np.linspace(0, 1, 10), np.ones(30)])
    start = most_turning(heading, 12)
    assert np.ptp(heading[start : start + 12]) == 1
    assert most_turning(np.zeros(20), 5) == 0


def test_a_long_clip_is_cut_around_the_chosen_frames():
    numbers = list(range(0, 100, 2))
    assert frames_around(numbers, [10, 12], 60) == tuple(numbers)
    assert frames_around(numbers, [40, 42, 44], 7) == tuple(range(36, 50, 2))
    assert frames_around(numbers, [0, 2], 6) == (0, 2, 4, 6, 8, 10)
    assert frames_around(numbers, [96, 98], 4) == (92, 94, 96, 98)
    assert frames_around(numbers, [20, 40], 4) == (20, 26, 28, 30, 32, 40)


def test_a_standing_camera_has_one_frame_and_a_moving_one_all(tmp_path: Path):
    for name, step in (("stands", 0), ("moves", 2)):
        (tmp_path / name).mkdir()
        for number in range(6):
            Image.fromarray(texture(step * number)).save(tmp_path / name / f"{10 + number}.png")
    looked_at: list[int] = []
    stands = FrameFolder.open(tmp_path / "stands")
    assert chosen_frames(stands.read, stands.files.numbers, 4, looked_at.append) == [10]
    assert sum(looked_at) == 6
    moving = FrameFolder.open(tmp_path / "moves")
    assert chosen_frames(moving.read, moving.files.numbers, 80, looked_at.append) == [10, 11, 12, 13, 14, 15]
    assert len(chosen_frames(moving.read, moving.files.numbers, 4, looked_at.append)) == 4
