"""The bar of everything that takes long and can be counted."""

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


def counting_bar(*more: ProgressColumn, console: Console | None = None) -> Progress:
    """How many are done of how many, since when, and how long the rest will take.

    Gone when it ends, and never there where the console is no terminal.

    Args:
        more: what else to show, after the count.
        console: standard error by default.
    """
    console = console or Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), *more, TimeElapsedColumn()
    return Progress(*columns, TimeRemainingColumn(), console=console, transient=True, disable=not console.is_terminal)
