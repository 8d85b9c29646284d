"""Print the measures and the verdict of a recording."""

from rich.markup import escape
from rich.table import Table

from egodepth.data.footage.source import Footage
from egodepth.data.footage.summary import FootageSummary, Spread


def footage_table(footage: Footage, summary: FootageSummary) -> Table:
    """Return a table with one row per measure."""
    height, width = footage.size
    table = Table(title=escape(str(footage.path)), title_justify="left", box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    length = f"{summary.frames}, {width}x{height}"
    table.add_row(
        "frames",
        f"{length}, {summary.seconds:.1f} s at {footage.rate:.4g} a second{'' if footage.timed else ' (assumed)'}",
    )
    table.add_row(
        "motion", f"{_of_width(summary.motion)} from picture to picture; {summary.lost:.0%} cannot be followed"
    )
    table.add_row("standing still", f"{summary.static:.1%} of the frames")
    table.add_row("duplicates", f"{summary.duplicated:.1%} of the frames")
    table.add_row(
        "turned only", f"{summary.turned_only:.1%} of the frames worth keeping; parallax {_of_width(summary.parallax)}"
    )
    table.add_row("cuts", f"{summary.cut_count}")
    table.add_row("exposure jumps", f"{summary.exposure_jumps}")
    table.add_row("blurred", f"{summary.blurred:.1%} of the frames")
    others = f"{summary.other_sizes} of another size, {summary.blank} blank, {summary.unreadable} unreadable"
    table.add_row("unusable", others)
    table.add_row("worth keeping", _kept(summary))
    return table


def _kept(summary: FootageSummary) -> str:
    if not summary.kept or summary.seconds_apart is None:
        return "nothing"
    apart = f"{summary.seconds_apart.middle:.2g} s and {_of_width(summary.spacing)} apart"
    return f"{summary.kept} frames in {summary.runs} row{'s' * (summary.runs != 1)}, {apart}"


def _of_width(spread: Spread | None) -> str:
    """Return the median and the 80 % range in percent of the width."""
    if spread is None:
        return "unknown"
    return f"{spread.middle:.2%} of the width ({spread.low:.2%} to {spread.high:.2%})"
