"""The report of a video: one HTML page that works offline, and a recording for the rerun viewer."""

from egodepth.video.page.content import (
    Figure,
    FigureGroup,
    Finding,
    PageContent,
    PageFrame,
    Plot,
    Reliability,
    Segment,
    Series,
)
from egodepth.video.page.html import write_page
from egodepth.video.page.rerun_file import RecordedFrame, write_recording

__all__ = [
    "Figure",
    "FigureGroup",
    "Finding",
    "PageContent",
    "PageFrame",
    "Plot",
    "RecordedFrame",
    "Reliability",
    "Segment",
    "Series",
    "write_page",
    "write_recording",
]
