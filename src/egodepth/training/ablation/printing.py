"""Print an ablation to the terminal."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from egodepth.training.ablation.table import RULE, Cells, Row, about_mean_map, differences, main_table


def print_rows(console: Console, rows: Sequence[Row]) -> None:
    """Print the report. Names of variants, which fit the width, replace the labels of the files."""
    console.print(_table(main_table(rows, lambda text: f"[bold green]{text}[/]", lambda row: row.name)))
    console.print(about_mean_map(rows), highlight=False)
    found = differences(rows)
    if found:
        lines = [["", "against", "pixels", "abs_rel difference", "verdict"]]
        lines += [[one.name, one.against, one.pixels, one.mean.text("+.4f"), one.verdict] for one in found]
        console.print(_table(lines))
        console.print(RULE, highlight=False)


def _table(lines: Cells) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
    for heading in lines[0]:
        is_number = heading not in ("", "against", "pixels", "verdict")
        table.add_column(heading, justify="right" if is_number else "left", no_wrap=not heading)
    for line in lines[1:]:
        table.add_row(*line)
    return table
