import json
from pathlib import Path

import numpy as np
import pytest

from egodepth.data.footage.times import known_times
from egodepth.data.readers.folder import FolderDrive
from egodepth.foundation.errors import InputError
from egodepth.video.scale.estimates import combined, gathered
from egodepth.video.scale.sources import driven_pairs
from egodepth.video.scale.speed import constant_speed, find_oxts, logged_speeds, numbered_times, oxts_speeds

TIMES = numbered_times(10.0)


@pytest.fixture
def drive(make_clip, tmp_path: Path) -> FolderDrive:
    return FolderDrive(make_clip(tmp_path / "clip", frames=41, size=(64, 64)))


@pytest.mark.parametrize("apart", [1, 2])
def test_pairs_are_as_far_apart_as_in_training_and_know_how_far_the_camera_went(drive: FolderDrive, apart: int) -> None:
    pairs = driven_pairs([drive], apart, lambda _: constant_speed(13.9, TIMES), lambda _: TIMES)
    assert [pair[:3] for pair in pairs] == [(drive, frame, apart) for frame in range(41 - apart)]
    assert [metres for *_, metres in pairs] == pytest.approx([1.39 * apart] * (41 - apart))


def test_the_spread_covers_in_nine_of_ten() -> None:
    covered = []
    for seed in range(10):
        noise = np.random.default_rng(seed).normal(0, 0.07, 40)
        result = combined(gathered([("drive", factor) for factor in 21.0 * np.exp(noise)]), 0.02)
        covered.append(abs(result.factor / 21.0 - 1) <= result.spread)
        assert result.factor == pytest.approx(21.0, rel=0.05)
    assert sum(covered) >= 9


def note_times(folder: Path, seconds: list[float]) -> None:
    """As `egodepth data extract` does."""
    frames = [{"number": number, "source": number, "seconds": time} for number, time in enumerate(seconds)]
    (folder / "footage.json").write_text(json.dumps({"frames": frames}))


def test_frames_that_were_not_taken_evenly_count_with_their_own_times(drive: FolderDrive, tmp_path: Path) -> None:
    steps = np.random.default_rng(0).uniform(0.05, 0.5, 40)
    note_times(tmp_path / "clip", [2.0, *(2.0 + np.cumsum(steps)).tolist()])
    for data in (tmp_path, tmp_path / "clip"):
        times = known_times(data, "clip")
        assert times is not None
        pairs = driven_pairs([drive], 1, lambda _, t=times: constant_speed(13.9, t), lambda _, t=times: t)
        assert [metres for *_, metres in pairs] == pytest.approx(13.9 * steps)


def test_a_frame_without_a_noted_time_is_named(drive: FolderDrive, tmp_path: Path) -> None:
    assert known_times(tmp_path, "clip") is None
    note_times(tmp_path / "clip", [0.1 * frame for frame in range(40)])
    times = known_times(tmp_path, "clip")
    assert times is not None
    with pytest.raises(InputError, match="clip: no time is known of frame 40; extract the frames again"):
        driven_pairs([drive], 1, lambda _: constant_speed(13.9, times), lambda _: times)


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_a_log_of_speeds_gives_distances_between_its_rows(tmp_path: Path) -> None:
    distance = logged_speeds(
        write(tmp_path / "v.csv", "note,time,speed\na,0,10\nb,1,20\nc,3,20\n"), numbered_times(2.0)
    )
    assert distance(0, 2) == pytest.approx(15)
    assert distance(1, 2) == pytest.approx(0.5 * 17.5)
    assert distance(1, 3) == pytest.approx(0.5 * 17.5 + 0.5 * 20)
    assert distance(2, 6) == pytest.approx(40)
    assert distance(5, 7) is None


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("", "no speeds"),
        ("time,velocity\n0,1\n", "time,speed"),
        ("time,speed\n0,x\n1,2\n", "no speeds"),
        ("time,speed\n0,1\n", "two rows"),
        ("time,speed\n1,1\n0,1\n", "ascending"),
        ("time,speed\n0,1\n1,400\n", "metres a second"),
    ],
)
def test_a_log_that_is_none_is_refused_in_one_line(tmp_path: Path, text: str, hint: str) -> None:
    with pytest.raises(InputError, match=hint):
        logged_speeds(write(tmp_path / "v.csv", text), TIMES)


def test_a_standing_camera_tells_nothing(drive: FolderDrive, tmp_path: Path) -> None:
    rows = "time,speed\n0,0\n1,0\n1.1,10\n9,10\n"
    log = logged_speeds(write(tmp_path / "v.csv", rows), TIMES)
    assert len(driven_pairs([drive], 1, lambda _: log, lambda _: TIMES)) == 30
    with pytest.raises(InputError, match="known to drive"):
        driven_pairs([drive], 1, lambda _: constant_speed(0.5, TIMES), lambda _: TIMES)


def an_oxts_folder(folder: Path, speeds: list[float]) -> Path:
    (folder / "data").mkdir(parents=True)
    stamps = [f"2011-09-26 13:02:{25 + frame / 10:012.9f}" for frame in range(len(speeds))]
    (folder / "timestamps.txt").write_text("\n".join(stamps) + "\n")
    for frame, speed in enumerate(speeds):
        words = ["0"] * 8 + [str(speed), "0", "0"] + ["0"] * 19
        (folder / "data" / f"{frame:010d}.txt").write_text(" ".join(words))
    return folder


def test_oxts_gives_the_way_between_frames_and_nothing_across_a_gap(tmp_path: Path) -> None:
    folder = an_oxts_folder(tmp_path / "x_sync" / "oxts", [10, 20, 20, 20])
    distance = oxts_speeds(folder)
    assert distance(0, 1) == pytest.approx(1.5)
    assert distance(1, 3) == pytest.approx(4)
    assert distance(2, 5) is None
    (folder / "data" / "0000000002.txt").unlink()
    assert distance(1, 3) is None
    for place in (tmp_path, tmp_path / "x_sync", tmp_path / "x_sync" / "image_02"):
        place.mkdir(exist_ok=True)
        assert find_oxts(place, "x_sync/image_02") == folder
    clock = [f"2011-09-26 13:02:{25 + 0.2 * frame:012.9f}" for frame in range(4)]
    assert oxts_speeds(folder, write(tmp_path / "timestamps.txt", "\n".join(clock)))(0, 1) == pytest.approx(3.0)
    with pytest.raises(InputError, match="y_sync/image_02: no oxts folder"):
        find_oxts(tmp_path, "y_sync/image_02")


def test_damaged_oxts_files_are_named(tmp_path: Path) -> None:
    folder = an_oxts_folder(tmp_path / "oxts", [10, 20])
    (folder / "data" / "0000000001.txt").write_text("1 2 3")
    with pytest.raises(InputError, match=r"0000000001\.txt"):
        oxts_speeds(folder)(0, 1)
    (folder / "timestamps.txt").write_text("yesterday\n")
    with pytest.raises(InputError, match=r"timestamps\.txt"):
        oxts_speeds(folder)


def test_kitti_drives_at_thirteen_metres_a_second(real_data: Path) -> None:
    folder = find_oxts(real_data / "kitti_raw", "2011_09_26_drive_0001_sync/image_02")
    assert oxts_speeds(folder)(0, 4) == pytest.approx(13.17 * 0.414, rel=0.03)
    by_camera = oxts_speeds(folder, folder.parent / "image_02" / "timestamps.txt")
    assert [by_camera(frame, frame + 1) for frame in range(4)] == pytest.approx([1.345] * 4, rel=0.02)


def test_a_log_and_a_speed_agree_by_the_times_of_the_frames(drive: FolderDrive, tmp_path: Path) -> None:
    note_times(tmp_path / "clip", [1.0 + 0.05 * frame for frame in range(41)])
    times = known_times(tmp_path / "clip", "clip")
    assert times is not None
    log = logged_speeds(write(tmp_path / "v.csv", "time,speed\n0,10\n9,10\n"), times)
    assert log(3, 7) == pytest.approx(constant_speed(10.0, times)(3, 7))
    assert log(3, 7) == pytest.approx(2.0)
