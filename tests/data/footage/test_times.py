"""When frames were taken: by what is beside them, or by their names."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from egodepth.data.footage.source import open_footage
from egodepth.data.footage.times import known_times
from egodepth.foundation.errors import InputError

SECONDS = 0.1 * np.arange(8) + np.array([0, 3, 0, -2, 1, 0, 0, 2]) / 1000


def frames(folder: Path, names: list[str]) -> Path:
    folder.mkdir(parents=True)
    for name in names:
        Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(folder / f"{name}.png")
    return folder


NAMES: dict[str, Callable[[float], str]] = {
    "ms": lambda seconds: str(round((1623456789.123 + seconds) * 1e3)),
    "us": lambda seconds: str(round((1623456789.123 + seconds) * 1e6)),
    "ns": lambda seconds: str(1623456789_123000000 + round(seconds * 1e9)),
    "seconds with decimals": lambda seconds: f"{1305031102.175304 + seconds:.6f}",
    "behind a word": lambda seconds: f"left_{round((1623456789.123 + seconds) * 1e3)}",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_clock_times_in_names_are_times_and_count_frames(tmp_path: Path, name: Callable[[float], str]) -> None:
    folder = frames(tmp_path / "clip", [name(seconds) for seconds in SECONDS if seconds != SECONDS[5]])
    times = known_times(tmp_path, "clip")
    assert times is not None
    for frame in (0, 1, 4, 6, 7):
        assert times(frame) == pytest.approx(SECONDS[frame] - SECONDS[0], abs=1e-3)
    with pytest.raises(InputError, match="no time is known of frame 5"):
        times(5)
    pictures = list(open_footage(folder).pictures())
    assert [picture.number for picture in pictures] == [0, 1, 2, 3, 4, 6, 7]
    assert pictures[3].seconds == pytest.approx(SECONDS[3], abs=1e-3)
    assert open_footage(folder).rate == pytest.approx(10, rel=0.05)


@pytest.mark.parametrize("where", ["", ".."])
def test_a_list_of_times_beside_the_frames_is_used(tmp_path: Path, where: str) -> None:
    folder = frames(tmp_path / "set" / "clip", [f"{number:06d}" for number in range(8)])
    (folder / where / "times.txt").write_text(
        "# seconds\n" + "".join(f"{5 + seconds:e}\n" for seconds in SECONDS) + "\n"
    )
    times = known_times(tmp_path / "set", "clip")
    assert times is not None
    assert [times(frame) for frame in range(8)] == pytest.approx(SECONDS - SECONDS[0], abs=1e-6)


@pytest.mark.parametrize(("text", "said"), [("1\n2\n", "2 times for 8 frames"), ("a\n", "no times that can be read")])
def test_a_list_of_other_frames_is_refused(tmp_path: Path, text: str, said: str) -> None:
    folder = frames(tmp_path / "clip", [f"{number:06d}" for number in range(8)])
    (folder / "times.txt").write_text(text)
    with pytest.raises(InputError, match=said):
        known_times(tmp_path, "clip")


def test_of_plain_numbers_no_time_is_known(tmp_path: Path) -> None:
    frames(tmp_path / "clip", [f"{number:06d}" for number in range(8)])
    assert known_times(tmp_path, "clip") is None
