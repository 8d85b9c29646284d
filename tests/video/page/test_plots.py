import base64
import json

import numpy as np
import pytest

from egodepth.video.page import Plot, Segment, Series
from egodepth.video.page.plots import reliability_plot, time_plot, trajectory_plot
from page_sample import NASTY, sample_content

pytest.importorskip("plotly")


def numbers(column: dict) -> np.ndarray:
    return np.frombuffer(base64.b64decode(column["bdata"]), column["dtype"])


def test_the_path_shows_forward_against_right_with_equal_axes():
    figure = json.loads(trajectory_plot(sample_content()))
    first = sample_content().segments[0].positions
    np.testing.assert_allclose(numbers(figure["data"][0]["x"]), first[:, 0])
    np.testing.assert_allclose(numbers(figure["data"][0]["y"]), first[:, 2])
    assert figure["layout"]["yaxis"]["scaleanchor"] == "x"
    assert figure["layout"]["xaxis"]["title"]["text"] == "right (metres)"


def test_every_piece_of_the_path_has_a_start():
    starts = json.loads(trajectory_plot(sample_content()))["data"][-2]
    assert starts["name"] == "start"
    np.testing.assert_allclose(numbers(starts["y"]), [0, 3])


def test_a_piece_without_positions_has_none():
    none = Segment(name="none", seconds=np.zeros(0), positions=np.zeros((0, 3)))
    starts = json.loads(trajectory_plot(sample_content(segments=(none,))))["data"][-2]
    assert not len(starts["y"])


def test_names_are_not_taken_for_the_markup_of_plotly():
    seconds = np.arange(3.0)
    plot = Plot(name="x", axis="<b>", series=(Series(name=NASTY, seconds=seconds, values=seconds),))
    figure = json.loads(time_plot(plot))
    assert "<" not in figure["data"][0]["name"]
    assert figure["layout"]["yaxis"]["title"]["text"] == "&lt;b&gt;"


def test_the_place_of_a_frame_is_the_one_nearest_in_time():
    content = sample_content()
    np.testing.assert_array_equal(content.position_at(1.4), content.segments[1].positions[2])
    assert sample_content(segments=()).position_at(1.0) is None


def test_the_place_of_a_frame_is_never_one_that_is_not_known():
    (segment, _) = sample_content().segments
    positions = segment.positions.copy()
    positions[2] = np.nan
    broken = Segment(name="broken", seconds=segment.seconds, positions=positions)
    np.testing.assert_array_equal(sample_content(segments=(broken,)).position_at(0.7), positions[3])


def test_the_reliability_diagram_shows_found_against_stated_shares_and_the_diagonal():
    diagonal, line = json.loads(reliability_plot(sample_content().reliability))["data"]
    assert diagonal["x"] == diagonal["y"]
    assert (line["x"], line["y"]) == ([0.2, 0.9], [0.3, 0.8])
    assert line["name"] == "within 10%"
