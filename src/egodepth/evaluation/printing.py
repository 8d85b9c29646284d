"""Print reports to the terminal."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from egodepth.evaluation.paired import PairedComparison
from egodepth.evaluation.pixels import WHOLE
from egodepth.evaluation.report import MODEL, Report
from egodepth.evaluation.trajectory_metrics import OdometryScores


def print_report(console: Console, report: Report, paths: Sequence[Path]) -> None:
    """Print the table, its footnote, and the paths of the files."""
    table = plain_table(report.protocol, [*report.metrics, "images"])
    for _, scores in groupby(report.table(), lambda score: (score.source == MODEL, score.part == WHOLE)):
        table.add_row()
        for score in scores:
            values = (f"{score.metrics[name]:.3f}" for name in report.metrics)
            table.add_row(score.label, *values, str(score.images))
    console.print(table)
    console.print(report.footnote(), highlight=False)
    seen = report.about.get("evaluated_drives_trained_on")
    if isinstance(seen, list) and seen:
        console.print(f"[yellow]The model was trained on {len(seen)} of these drives: {', '.join(seen)}[/]")
    for path in paths:
        console.print(str(path), soft_wrap=True, highlight=False)


def print_paired(console: Console, comparison: PairedComparison, names: Sequence[str], path: Path) -> None:
    """Print the difference of two models, metric by metric."""
    table = plain_table("alignment", ["metric", "first", "second", "difference, 95 %", "better", "wins"])
    for line in comparison.lines:
        interval = f"{line.second - line.first:+.4f} ({line.interval.low:+.4f} to {line.interval.high:+.4f})"
        wins = f"{line.images_better}/{comparison.images}"
        values = (line.metric, f"{line.first:.4f}", f"{line.second:.4f}", interval, line.better, wins)
        table.add_row(line.alignment, *values)
    console.print(table)
    console.print(f"first: {names[0]}\nsecond: {names[1]}; wins: images on which it is better\n{path}", soft_wrap=True)


def plain_table(title: str, headings: Sequence[str]) -> Table:
    """Return a table without lines. Its title is the heading of the first column; the others are numbers."""
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
    table.add_column(title)
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def print_trajectories(scores: Mapping[str, OdometryScores], paths: Sequence[Path]) -> None:
    """Print a line for each drive with true poses, and the paths of the files."""
    console = Console()
    if scores:
        table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
        table.add_column("drive")
        for heading in ("frames", "path m", "5-frame m", "ATE m", "scale", "t_rel %", "r_rel °/100m"):
            table.add_column(heading, justify="right", no_wrap=True)
        for name, s in scores.items():
            drift = [f"{value:.2f}" if value is not None else "-" for value in (s.t_rel_percent, s.r_rel_deg_per_100m)]
            figures = (f"{s.path_m:.0f}", f"{s.snippet_mean:.3f} ± {s.snippet_std:.3f}", f"{s.ate_m:.3f}")
            table.add_row(escape(name), str(s.frames), *figures, f"{s.scale:.4g}", *drift)
        console.print(table)
    else:
        console.print("no true poses: trajectories are written, but not scored")
    for path in paths:
        console.print(str(path), soft_wrap=True, highlight=False)
