"""The picture sheet: images, depth and errors behind the numbers."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colorbar import Colorbar
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure, FigureBase
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator, PercentFormatter
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from egodepth.evaluation.evaluator import Predict, aligned_depth
from egodepth.evaluation.protocols import Protocol
from egodepth.evaluation.report import Report
from egodepth.evaluation.samples import FrameSamples
from egodepth.foundation.files import replacing

MAX_ERROR = 0.5
"""Relative errors above this have one colour."""
PANEL_WIDTH = 480
"""Width of a panel in pixels. Sparse truth is averaged to it, so that single LiDAR points remain visible."""


class SheetRow(NamedTuple):
    """One image of the sheet."""

    title: str
    image: Float[Tensor, "3 h w"]
    depth: Float[Tensor, "hg wg"]
    """Aligned prediction, metres."""
    truth: Float[Tensor, "hg wg"]
    """Metres, 0 = unknown."""


_UNKNOWN = "0.25"
DEPTH_COLOURS = colormaps["magma_r"].with_extremes(bad=_UNKNOWN)
ERROR_COLOURS = colormaps["viridis"].with_extremes(bad=_UNKNOWN)


def notable_images(report: Report) -> dict[str, str]:
    """Return titles by name for the best, the median and the worst image by abs_rel; fewer if they coincide."""
    ranked = report.ranked
    titles: dict[str, str] = {}
    for word, score in {"best": ranked[0], "median": ranked[(len(ranked) - 1) // 2], "worst": ranked[-1]}.items():
        titles.setdefault(score.image, f"{word}: {score.image}   abs_rel {score.metrics['abs_rel']:.3f}")
    return titles


def notable_rows(report: Report, samples: FrameSamples, predict: Predict, protocol: Protocol) -> list[SheetRow]:
    """Predict the best, the median and the worst image again, for the sheet."""
    rows = []
    for name, title in notable_images(report).items():
        sample = samples[name]
        depth = aligned_depth(sample, predict(sample), protocol)
        rows.append(SheetRow(title, sample.image, depth, sample.depth))
    return rows


def write_picture_sheet(path: str | Path, rows: Sequence[SheetRow], protocol: Protocol) -> None:
    """Write a PNG with image, depth, truth and relative error in each row; each row has its own depth colour scale.

    Raises:
        InputError: the file cannot be written.
    """
    height, width = rows[0].image.shape[-2:]
    row_height = 3.6 * height / width + 0.75
    figure = Figure(figsize=(16, row_height * len(rows)), layout="constrained")
    parts = figure.subfigures(len(rows), 1, squeeze=False)[:, 0]
    for part, row in zip(parts, rows, strict=True):
        part.suptitle(row.title, x=0.01, ha="left", fontsize=11)
        _draw_row(part, row, protocol)
    with replacing(path) as beside:
        FigureCanvasAgg(figure).print_png(beside)


def label_depths(bar: Colorbar, unit: str) -> None:
    """Label a logarithmic depth bar with round numbers."""
    bar.ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda depth, _: f"{depth:g}{unit}"))
    bar.ax.yaxis.set_minor_locator(NullLocator())


def _draw_row(figure: FigureBase, row: SheetRow, protocol: Protocol) -> None:
    axes: list[Axes] = list(figure.subplots(1, 4))
    size = _panel_size(row.truth)
    valid = protocol.valid(row.truth)
    known = row.truth[valid]
    error = torch.where(valid, (row.depth - row.truth).abs() / row.truth.clamp(min=1e-9), 0)
    nearest, farthest = np.percentile(known.numpy(), (1, 99))
    scale = LogNorm(nearest, max(farthest, 1.01 * nearest))
    height, width = row.image.shape[-2:]
    extent = (0, width, height, 0)  # the truth may have pixels of another aspect ratio
    axes[0].imshow(row.image.permute(1, 2, 0).numpy(), extent=extent)
    axes[1].imshow(row.depth.numpy(), norm=scale, cmap=DEPTH_COLOURS, extent=extent)
    axes[2].imshow(_shrunk(row.truth, valid, size), norm=scale, cmap=DEPTH_COLOURS, extent=extent)
    colours = {"norm": Normalize(0, MAX_ERROR), "cmap": ERROR_COLOURS}
    errors = axes[3].imshow(_shrunk(error, valid, size), **colours, extent=extent)
    for axis, title in zip(axes, ("image", "depth", "truth", "relative error"), strict=True):
        axis.set_title(title, fontsize=9, pad=3)
        axis.set_axis_off()
    bar = figure.colorbar(ScalarMappable(scale, DEPTH_COLOURS), ax=axes[1:3], extend="both", pad=0.01, aspect=12)
    label_depths(bar, " m")
    bar = figure.colorbar(errors, ax=axes[3], extend="max", pad=0.02, aspect=12)
    bar.ax.yaxis.set_major_formatter(PercentFormatter(1))


def _panel_size(truth: Tensor) -> tuple[int, int]:
    height, width = truth.shape
    panel_width = min(width, PANEL_WIDTH)
    return max(1, round(height * panel_width / width)), panel_width


def _shrunk(values: Tensor, valid: Tensor, size: tuple[int, int]) -> np.ma.MaskedArray:
    """Return the average of the valid values under each pixel of the panel; the rest is masked."""
    sums = adaptive_avg_pool2d((values * valid)[None], size)[0]
    share = adaptive_avg_pool2d(valid.float()[None], size)[0]
    return np.ma.masked_where(share.numpy() == 0, (sums / share.clamp(min=1e-9)).numpy())
