"""The ablation as a picture: a panel for each image region, a line for each variant."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from egodepth.foundation.files import replacing
from egodepth.training.ablation.table import Column, Row, columns_of, mean_of
from egodepth.training.ablation.variants import BASELINE, FULL, VARIANTS

_PLAIN, _MEANT, _REFERENCE = "0.45", "#d9480f", "#1864ab"
"""Colours: a row; a row in the panel of the pixels that its part addresses; the reference rows."""


def write_plot(path: Path, rows: Sequence[Row]) -> None:
    """Write a PNG of abs_rel by region: mean over seeds, standard deviation as a bar, single seeds as pale dots.

    Raises:
        InputError: the file cannot be written.
    """
    trained = [row for row in rows if row.trained and row.scores]
    columns = [column for column in columns_of(trained) if column.metric == "abs_rel"]
    size = (3.2 + 2.7 * len(columns), 1.6 + 0.28 * len(trained))
    figure = Figure(figsize=size, layout="constrained")
    panels: list[Axes] = list(figure.subplots(1, len(columns), sharey=True, squeeze=False)[0])
    for axes, column in zip(panels, columns, strict=True):
        _draw(axes, column, trained)
        untrained = [
            f"{row.label} {row.values(column)[0]:.3f}" for row in rows if not row.trained and row.values(column)
        ]
        axes.set_xlabel("\n".join(["abs_rel (lower is better)", *untrained]), fontsize=8)
    panels[0].set_yticks(range(len(trained)), [row.label for row in trained])
    panels[0].invert_yaxis()
    figure.suptitle(
        "Mean and standard deviation over seeds; orange: the pixels that the part addresses; blue: the reference rows",
        fontsize=9,
    )
    with replacing(path) as beside:
        figure.set_dpi(150)
        FigureCanvasAgg(figure).print_png(beside)


def _draw(axes: Axes, column: Column, rows: Sequence[Row]) -> None:
    for place, row in enumerate(rows):
        values = row.values(column)
        if not values:
            continue
        mean, std = mean_of(values)
        colour = _colour(row, column)
        if row.name in (BASELINE, FULL):
            axes.axvline(mean, color=_REFERENCE, linewidth=0.8, linestyle="-" if row.name == FULL else "--", alpha=0.6)
        axes.scatter(values, [place] * len(values), s=10, color=colour, alpha=0.35, linewidths=0)
        axes.errorbar(mean, place, xerr=std, fmt="o", color=colour, markersize=5, capsize=2.5, linewidth=1.2)
    axes.set_title(f"{column.part} pixels", fontsize=10)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.grid(axis="y", color="0.92")
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8, length=2)
    axes.margins(y=0.03)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0)


def _colour(row: Row, column: Column) -> str:
    if row.name in (BASELINE, FULL):
        return _REFERENCE
    variant = VARIANTS[row.name]
    return _MEANT if variant.part and variant.pixels == column.part else _PLAIN
