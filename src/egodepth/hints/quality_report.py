"""Report the quality of hints: a table, and a sheet of pictures."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float32
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure, FigureBase
from matplotlib.ticker import PercentFormatter
from rich.table import Table

from egodepth.data.drive import Drive
from egodepth.data.opening import thinned
from egodepth.evaluation.pictures import DEPTH_COLOURS, ERROR_COLOURS, MAX_ERROR, label_depths
from egodepth.evaluation.printing import plain_table
from egodepth.foundation.files import replacing
from egodepth.hints.quality import OFF, Compared, HintQuality, ReadHint, comparisons, part_of
from egodepth.sfm.clip_map import ClipMap

ROWS = 6
"""Number of frames on a sheet."""
_WIDTH_IN, _DPI = 16.0, 100


def quality_table(title: str, qualities: Sequence[HintQuality]) -> Table:
    """Return a table with the share of hinted places and their errors by depth range, one block per reference."""
    table = plain_table(title, ["depth", "places", "hinted", "mean", "median", f"off > {OFF:.0%}"])
    for quality in qualities:
        table.add_row()
        label = f"{quality.against}, {quality.frames} frames"
        for place, band in enumerate(quality.bands):
            values = (f"{value:.1%}" for value in (band.hinted, band.mean, band.median, band.off))
            table.add_row(label if not place else "", band.name, str(band.places), *values)
    return table


def quality_footnote(quality: HintQuality) -> str:
    """Return a line with the conditions of the table: the share of hinted pixels, and the factors."""
    factors = ", ".join(f"{factor:.4g}" for factor in quality.factors.values())
    return f"{quality.kept:.1%} of all pixels have a hint; against {quality.against} depth is multiplied by {factors}"


def write_hint_sheet(
    path: str | Path,
    read_hint: ReadHint,
    frames: Sequence[int],
    drive: Drive,
    qualities: Sequence[HintQuality],
    clip_map: ClipMap | None = None,
    rows: int = ROWS,
) -> None:
    """Write a PNG of evenly spaced frames: image, hint and, if a reference exists, the hint's relative error.

    Args:
        path: the PNG file.
        read_hint: returns the hint of a frame.
        frames: numbers of the frames that may have a hint; at least one must have one.
        drive: the drive of the frames.
        qualities: the qualities from `measure_hints`; the first reference that a frame has is shown.
        clip_map: the recording's points.
        rows: number of frames.

    Raises:
        InputError: the file cannot be written.
    """
    hints = {frame: hint for frame in thinned(frames, rows) if (hint := read_hint(frame)) is not None}
    height, width = drive.size
    row_height = _WIDTH_IN / 3 * height / width + 0.6
    figure = Figure(figsize=(_WIDTH_IN, row_height * len(hints)), dpi=_DPI, layout="constrained")
    parts = figure.subfigures(len(hints), 1, squeeze=False)[:, 0]
    for part, (frame, hint) in zip(parts, hints.items(), strict=True):
        part.suptitle(f"{drive.name} {frame}", x=0.01, ha="left", fontsize=11)
        found = comparisons(hint, frame, drive, clip_map)
        shown = next((quality for quality in qualities if quality.against in found), None)
        factor = shown.factors[part_of(frame, clip_map)] if shown else 1.0
        _draw_row(part, drive.read_image(frame), hint, shown and (shown.against, found[shown.against], factor))
    with replacing(path) as beside:
        FigureCanvasAgg(figure).print_png(beside)


def _draw_row(
    figure: FigureBase,
    image: np.ndarray,
    hint: Float32[np.ndarray, "H W"],
    truth: tuple[str, Compared, float] | None,
) -> None:
    axes: list[Axes] = list(figure.subplots(1, 3))
    height, width = image.shape[:2]
    extent = (0, width, height, 0)
    axes[0].imshow(image, extent=extent)
    _draw_hint(figure, axes[1], hint, extent)
    axes[2].imshow(image.mean(2), cmap="gray", vmin=-600, vmax=255, extent=extent)  # pale, because errors are darker
    titles = ["image", f"hint: {(hint > 0).mean():.0%} of the pixels", "no truth here"]
    if truth:
        against, compared, factor = truth
        titles[2] = f"relative error against {against}"
        _draw_errors(figure, axes[2], compared, factor, (width, height))
    for axis, title in zip(axes, titles, strict=True):
        axis.set_title(title, fontsize=9, pad=3)
        axis.set_axis_off()


def _draw_hint(
    figure: FigureBase, axis: Axes, hint: Float32[np.ndarray, "H W"], extent: tuple[int, int, int, int]
) -> None:
    known = hint > 0
    depth = np.ma.masked_where(~known, 1 / np.where(known, hint, 1))
    nearest, farthest = np.percentile(depth.compressed(), (1, 99)) if known.any() else (1.0, 2.0)
    scale = LogNorm(nearest, max(farthest, 1.01 * nearest))
    axis.imshow(depth, norm=scale, cmap=DEPTH_COLOURS, extent=extent, interpolation="nearest")
    bar = figure.colorbar(ScalarMappable(scale, DEPTH_COLOURS), ax=axis, extend="both", pad=0.01, aspect=12)
    label_depths(bar, "")


def _draw_errors(figure: FigureBase, axis: Axes, compared: Compared, factor: float, size: tuple[int, int]) -> None:
    errors = compared.errors(factor)
    has = np.isfinite(errors)
    x, y = (compared.uv[has] * size).T
    inches = (_WIDTH_IN / 3) ** 2 * size[1] / size[0]
    # Marker area in points squared: large enough to fill dense truth, and to be visible in sparse truth.
    area = float(np.clip(72**2 * inches / max(has.sum(), 1), 4, 25))
    colours = {"norm": Normalize(0, MAX_ERROR), "cmap": ERROR_COLOURS}
    dots = axis.scatter(x, y, s=area, c=errors[has], marker="s", linewidths=0, **colours)
    bar = figure.colorbar(dots, ax=axis, extend="max", pad=0.02, aspect=12)
    bar.ax.yaxis.set_major_formatter(PercentFormatter(1))
