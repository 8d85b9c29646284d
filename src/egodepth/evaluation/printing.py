"""Reports for a terminal."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from rich.console import Console
from rich.table import Table

from egodepth.evaluation.paired import PairedComparison
from egodepth.evaluation.pixels import WHOLE
from egodepth.evaluation.report import MODEL, Report


def print_report(console: Console, report: Report, paths: Sequence[Path]) -> None:
    """The table, what it stands on, and where the files are."""
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
    """The difference of two models, metric by metric."""
    table = plain_table("alignment", ["metric", "first", "second", "difference, 95 %", "better", "wins"])
    for line in comparison.lines:
        interval = f"{line.second - line.first:+.4f} ({line.interval.low:+.4f} to {line.interval.high:+.4f})"
        wins = f"{line.images_better}/{comparison.images}"
        values = (line.metric, f"{line.first:.4f}", f"{line.second:.4f}", interval, line.better, wins)
        table.add_row(line.alignment, *values)
    console.print(table)
    console.print(f"first: {names[0]}\nsecond: {names[1]}; wins: images on which it is better\n{path}", soft_wrap=True)


def plain_table(title: str, headings: Sequence[str]) -> Table:
    """A table without lines: its first column's heading is the title, the others are numbers."""
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
    table.add_column(title)
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    return table
