"""Plotly figures as JSON: the camera's trajectory from above, lines over time, and a reliability diagram.

The page sets the colours of text and background, because it knows whether it is dark.
"""

from html import escape
from typing import Any

import numpy as np

from egodepth.foundation.libraries import optional_library
from egodepth.video.page.content import PageContent, Plot, Reliability

COLOURS = ("#0077bb", "#ee7733", "#009988", "#cc3311", "#ee3377", "#7f7f7f")
"""Colours of lines, distinct for colour-blind viewers, visible on white and on black (Paul Tol's `vibrant` scheme)."""


def plotly(module: str) -> Any:
    """Import a module of plotly; an `InputError` explains how to install it."""
    return optional_library(f"plotly.{module}", "the report", "report")


def colour(number: int) -> str:
    """Return the colour of the line with this number."""
    return COLOURS[number % len(COLOURS)]


def time_plot(plot: Plot) -> str:
    """Return lines over time."""
    lines = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": escape(series.name, quote=False),
            "x": series.seconds,
            "y": series.values,
            "line": {"color": colour(number), "width": 2},
        }
        for number, series in enumerate(plot.series)
    ]
    layout = {
        "xaxis": {"title": {"text": "seconds"}},
        "yaxis": {"title": {"text": escape(plot.axis, quote=False)}},
        # The line at the time of the displayed frame.
        "shapes": [{"type": "line", "yref": "paper", "x0": 0, "x1": 0, "y0": 0, "y1": 1, "line": {"dash": "dot"}}],
    }
    return _json(lines, layout)


def trajectory_plot(content: PageContent) -> str:
    """Return the trajectory from above, forward against right. The last trace marks the displayed frame."""
    lines: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": escape(segment.name, quote=False),
            "x": segment.positions[:, 0],
            "y": segment.positions[:, 2],
            "text": [f"{seconds:.2f} s" for seconds in segment.seconds],
            "line": {"color": colour(number), "width": 3},
        }
        for number, segment in enumerate(content.segments)
    ]
    starts = np.array([segment.positions[0] for segment in content.segments if len(segment.positions)]).reshape(-1, 3)
    open_circle = {"size": 11, "symbol": "circle-open", "line": {"width": 2}}
    lines.append(_markers("start", starts[:, 0], starts[:, 2], open_circle))
    lines.append(_markers("this frame", starts[:1, 0], starts[:1, 2], {"size": 12, "symbol": "diamond"}))
    unit = escape(content.unit, quote=False)
    layout = {
        "xaxis": {"title": {"text": f"right ({unit})"}},
        "yaxis": {"title": {"text": f"forward ({unit})"}, "scaleanchor": "x", "scaleratio": 1},
    }
    return _json(lines, layout)


def reliability_plot(shares: tuple[Reliability, ...]) -> str:
    """Return found shares against stated ones. On the diagonal, what is stated is true."""
    diagonal = {"type": "scatter", "mode": "lines", "name": "as stated", "x": [0, 1], "y": [0, 1]}
    lines: list[dict[str, Any]] = [diagonal | {"line": {"color": "#7f7f7f", "width": 1, "dash": "dot"}}]
    lines += [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": escape(share.name, quote=False),
            "x": share.said,
            "y": share.found,
            "line": {"color": colour(number), "width": 2},
        }
        for number, share in enumerate(shares)
    ]
    axes = {
        axis: {"title": {"text": text}, "tickformat": ".0%", "range": [0, 1.02]}
        for axis, text in (("xaxis", "stated share"), ("yaxis", "found share"))
    }
    return _json(lines, axes)


def _markers(name: str, x: np.ndarray, y: np.ndarray, marker: dict[str, Any]) -> dict[str, Any]:
    return {"type": "scatter", "mode": "markers", "name": name, "x": x, "y": y, "marker": marker}


def _json(data: list[dict[str, Any]], layout: dict[str, Any]) -> str:
    margins = {"l": 60, "r": 15, "t": 15, "b": 50}
    legend = {"orientation": "h", "y": 1.02, "yanchor": "bottom"}
    whole = {"template": "none", "margin": margins, "legend": legend, "showlegend": True, **layout}
    return plotly("graph_objects").Figure(data=data, layout=whole).to_json()
