"""How good hints are."""

import numpy as np
import pytest
from jaxtyping import Float
from rich.console import Console

from egodepth.data.drive import Drive
from egodepth.data.images import read_rgb
from egodepth.hints.quality import MOST_PLACES, POINTS, TRUTH, HintQuality, measure_hints
from egodepth.hints.quality_report import quality_footnote, quality_table, write_hint_sheet
from hints.map_scenes import CAMERA, map_of, point_at

SIZE = (10, 20)


class Wall(Drive):
    """Looks at walls of known depth, one a frame."""

    name, size, camera = "wall", (40, 80), CAMERA

    def __init__(self, *depths: Float[np.ndarray, "h w"] | float):
        self.depths = [np.full(self.size, depth, np.float32) * np.float32(1) for depth in depths]
        self.frames = range(len(depths))

    @property
    def depth_frames(self):
        return self.frames

    def read_depth(self, frame: int):
        return self.depths[frame]

    def read_image(self, frame: int, partner: bool = False):
        return np.full((*self.size, 3), 100, np.uint8)


class Blind(Wall):
    """Nobody knows the depth."""

    depth_frames = ()


def flat(depth: float) -> np.ndarray:
    return np.full(SIZE, 1 / depth, np.float32)


def test_hints_in_metres_are_measured_as_they_are():
    hint = flat(5.5)
    hint[:, 10:] = 0
    (quality,) = measure_hints(lambda frame: hint, [0], Wall(5.0), metric=True)
    assert (quality.against, quality.frames, quality.kept, quality.factors) == (TRUTH, 1, 0.5, {0: 1.0})
    everywhere = quality.bands[0]
    assert everywhere.places == 3200
    assert everywhere.hinted == 0.5
    np.testing.assert_allclose([everywhere.mean, everywhere.median], 0.1, rtol=1e-5)


def test_one_factor_for_all_frames_leaves_what_single_frames_are_off_by():
    hints = [flat(1.0), flat(1.0), flat(1.25)]
    (quality,) = measure_hints(lambda frame: hints[frame], range(3), Wall(20.0, 20.0, 20.0))
    assert quality.factors[0] == pytest.approx(20)
    everywhere = quality.bands[0]
    assert everywhere.mean == pytest.approx(0.25 / 3, rel=1e-5)
    assert everywhere.median == pytest.approx(0, abs=1e-6)
    assert everywhere.off == pytest.approx(1 / 3)


def test_bands_of_true_depth_are_in_metres():
    depth = np.repeat(np.array([5.0, 20.0, 40.0, 0.0], np.float32), 20) * np.ones((40, 1), np.float32)
    hint = np.repeat(np.array([1 / 5, 1 / 30, 0, 1], np.float32), 5) * np.ones((10, 1), np.float32)
    (quality,) = measure_hints(lambda frame: hint, [0], Wall(depth), metric=True)
    everywhere, near, middle, far = quality.bands
    assert [band.name for band in quality.bands] == ["all", "to 10 m", "to 30 m", "farther"]
    assert [band.places for band in quality.bands] == [2400, 800, 800, 800]
    assert [band.hinted for band in quality.bands] == [pytest.approx(2 / 3), 1, 1, 0]
    assert (near.off, middle.off, everywhere.off) == (0, 1, 0.5)
    assert middle.median == pytest.approx(0.5)
    assert np.isnan(far.mean)


def test_points_that_are_held_out_are_measured_in_the_unit_of_each_part():
    points = [point_at(0.3, 0.3, 2.0), *([point_at(0.6, 0.6, 1.0)] * 9), point_at(0.4, 0.4, 4.0)]
    clip_map = map_of(points, frames=2, part=[0, 1])
    hint = flat(2.0)
    hint[4, 8] = 1 / 4
    hints = [hint, hint / 3]
    (quality,) = measure_hints(lambda frame: hints[frame], range(2), Blind(1.0, 1.0), clip_map)
    assert quality.against == POINTS
    assert quality.bands[0].places == 4  # not the nine that are no longer held out
    assert quality.factors == {0: pytest.approx(1), 1: pytest.approx(1 / 3)}
    assert quality.bands[0].mean == pytest.approx(0, abs=1e-6)


def test_both_kinds_of_truth_are_measured_where_both_are_there():
    clip_map = map_of([point_at(0.3, 0.3, 2.0)])
    found = measure_hints(lambda frame: flat(4.0), [0], Wall(5.0), clip_map, metric=True)
    assert [(quality.against, quality.factors[0]) for quality in found] == [(TRUTH, 1), (POINTS, pytest.approx(0.5))]


def test_dense_truth_is_thinned_evenly():
    wall = Wall(5.0)
    wall.depths[0] = np.where(np.arange(400) < 200, np.float32(5), np.float32(10)) * np.ones((100, 1), np.float32)
    (quality,) = measure_hints(lambda frame: flat(5.0), [0], wall, metric=True)
    assert quality.bands[0].places == MOST_PLACES
    assert quality.bands[0].off == pytest.approx(0.5, abs=0.01)


def test_frames_without_hints_or_without_truth_do_not_count():
    assert measure_hints(lambda frame: flat(1.0), [0], Blind(1.0)) == []
    assert measure_hints(lambda frame: None, [0], Wall(1.0)) == []
    (quality,) = measure_hints(lambda frame: np.zeros(SIZE, np.float32), [0], Wall(1.0))
    assert (quality.kept, quality.bands[0].hinted, quality.factors[0]) == (0, 0, 1)


def measured() -> tuple[Wall, HintQuality]:
    wall = Wall(5.0, 8.0, 20.0)
    return wall, measure_hints(lambda frame: flat(5.0), range(3), wall, metric=True)[0]


def test_the_table_has_a_line_for_every_band():
    console = Console(width=100)
    with console.capture() as capture:
        console.print(quality_table("hints", [measured()[1]]))
    lines = [line.split() for line in capture.get().splitlines() if line.strip()]
    assert lines[0] == ["hints", "depth", "places", "hinted", "mean", "median", "off", ">", "10%"]
    assert lines[1][:5] == ["true", "depth,", "3", "frames", "all"]
    assert lines[1][5:] == ["9600", "100.0%", "37.5%", "37.5%", "66.7%"]
    assert [" ".join(line[:-5]) for line in lines[2:]] == ["to 10 m", "to 30 m", "farther"]
    assert "100.0% of all pixels have a hint" in quality_footnote(measured()[1])


def test_the_sheet_has_a_row_for_every_frame_with_or_without_truth(tmp_path):
    wall, quality = measured()
    write_hint_sheet(tmp_path / "known.png", lambda frame: flat(5.0), range(3), wall, [quality])
    write_hint_sheet(tmp_path / "blind.png", lambda frame: flat(5.0) * 0, range(2), Blind(1.0, 1.0), [])
    known, blind = read_rgb(tmp_path / "known.png"), read_rgb(tmp_path / "blind.png")
    assert known.shape[1] == blind.shape[1] == 1600
    assert 2 * known.shape[0] == pytest.approx(3 * blind.shape[0], abs=3)
    assert len(np.unique(known.reshape(-1, 3), axis=0)) > 100
