"""Print the drives of a data set as a table."""

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from egodepth.data.inspection import DriveSummary


def drive_table(title: str, summaries: Sequence[DriveSummary]) -> Table:
    """Return a table with one row per drive, and the sums."""
    # Without lines, KITTI's long names still fit a terminal of 80 columns.
    table = Table(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("drive", overflow="fold")
    for heading in ("frames", "gaps", "size", "fov", "stereo", "depth", "train"):
        table.add_column(heading, justify="right", no_wrap=True)
    for s in summaries:
        counts = (str(s.frames_with_depth or "-"), str(s.training_samples))
        table.add_row(
            escape(s.name),
            str(s.frames),
            str(s.gaps),
            f"{s.size[1]}x{s.size[0]}",
            f"{s.fov_deg:.0f}°",
            _stereo(s),
            *counts,
        )
    frames, depth, samples = (
        str(sum(getattr(s, field) for s in summaries)) for field in ("frames", "frames_with_depth", "training_samples")
    )
    table.add_row(f"all {len(summaries)}", frames, "", "", "", "", depth, samples, style="bold")
    return table


def _stereo(summary: DriveSummary) -> str:
    """Return the baseline, and the number of frames with a partner image if some lack it."""
    if summary.baseline_m is None:
        return "-"
    partial = f" ({summary.frames_with_partner})" if summary.frames_with_partner < summary.frames else ""
    return f"{summary.baseline_m:.2f} m{partial}"
