"""The report of a video: one HTML page that needs no network, and a recording for the rerun viewer."""

from egodepth.page.content import Figure, FigureGroup, Finding, PageContent, PageFrame, Plot, Segment, Series
from egodepth.page.html import write_page
from egodepth.page.recording import RecordedFrame, write_recording

__all__ = [
    "Figure",
    "FigureGroup",
    "Finding",
    "PageContent",
    "PageFrame",
    "Plot",
    "RecordedFrame",
    "Segment",
    "Series",
    "write_page",
    "write_recording",
]
