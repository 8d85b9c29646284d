"""How steady the displayed depth is over time, and whether the filter over time leaves edges sharp; for the report."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from egodepth.data.media.frame_numbers import spread_places
from egodepth.video.aligned_clip import Aligned
from egodepth.video.edge_sharpness import edge_slopes
from egodepth.video.page import Figure, Plot, Series

_EDGE_FRAMES = 24
"""Number of evenly spaced frames whose edges are measured."""


def steadiness_of(aligned: Aligned) -> dict[str, Any]:
    """Return the figures as JSON values: shares of depth, and slopes of log depth per pixel at edges."""
    predicted, unfiltered, shown = (
        flicker.typical() for flicker in (aligned.predicted_flicker, aligned.unfiltered_flicker, aligned.flicker)
    )
    places = spread_places(len(aligned.seconds), _EDGE_FRAMES)
    pairs = ((aligned.unfiltered_frame(place), aligned.frame(place)) for place in places)
    slopes = np.mean([edge_slopes(before.inverse_depth, after.inverse_depth) for before, after in pairs], axis=0)
    return {
        "flicker_before": predicted[0],
        "flicker_unfiltered": unfiltered[0],
        "flicker": shown[0],
        "flicker_tail_unfiltered": unfiltered[1],
        "flicker_tail": shown[1],
        "edge_slope_unfiltered": float(slopes[0]),
        "edge_slope": float(slopes[1]),
    }


def steadiness_figures(figures: dict[str, Any], steady: bool) -> Iterator[Figure]:
    """Yield the report's figures.

    Args:
        figures: contains the figures of `steadiness_of`.
        steady: whether depth is filtered over time.
    """
    before, unfiltered = f"{figures['flicker_before']:.2%} as predicted", ""
    if steady:
        unfiltered = f", {figures['flicker_unfiltered']:.2%} before the filter over time"
    yield Figure(name="Flicker", value=f"{figures['flicker']:.2%}", note=before + unfiltered)
    tail = f"{figures['flicker_tail_unfiltered']:.2%} before the filter" if steady else ""
    yield Figure(
        name="of the tenth of pixels that flickers most", value=f"from {figures['flicker_tail']:.2%}", note=tail
    )
    if steady and figures["edge_slope_unfiltered"] > 0:
        ratio = figures["edge_slope"] / figures["edge_slope_unfiltered"]
        yield Figure(
            name="Sharpness of edges", value=f"{ratio:.1%}", note="of that before the filter: slope of log depth"
        )


def flicker_plot(aligned: Aligned) -> Plot:
    """Return the plot of flicker over time."""
    stages = {"as predicted": aligned.predicted_flicker, "as shown": aligned.flicker}
    if aligned.steady:
        stages["before the filter"] = aligned.unfiltered_flicker
    lines = []
    for name, flicker in stages.items():
        # A break between rows is kept as a gap.
        drawn = np.isfinite(flicker.middle) | np.isnan(aligned.predicted_flicker.middle)
        lines.append(Series(name=name, seconds=aligned.seconds[drawn], values=100 * flicker.middle[drawn]))
    return Plot(name="Flicker of depth from frame to frame", axis="percent of the depth", series=tuple(lines))
