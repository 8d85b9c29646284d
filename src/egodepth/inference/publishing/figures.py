"""Figures of a model: reports of `egodepth evaluate`, as tables with the conditions that they hold under."""

import shlex
from math import inf
from pathlib import Path, PurePath
from typing import Any, NamedTuple, get_args

from egodepth.config import Truth
from egodepth.evaluation.alignment import HEADLINE
from egodepth.evaluation.benchmarks import BENCHMARKS
from egodepth.evaluation.pixels import WHOLE
from egodepth.evaluation.report import MODEL
from egodepth.foundation.errors import InputError
from egodepth.foundation.reading import parse_json, read_text
from egodepth.weights import ModelCard

ALIGNMENTS = {
    "none": "as predicted",
    "median": "each image multiplied by a factor of its own: median of the truth / median of the prediction",
    "least_squares": "each image multiplied by its own least-squares factor",
    "least_squares_shift": "scale and shift of inverse depth fitted to each image",
    "dataset_median": "all images multiplied by one factor, the median of the images' factors",
    "fixed": "all images multiplied by one given factor",
}
"""The alignments in words."""


class Figures(NamedTuple):
    """A report of `egodepth evaluate` about one model: its scores, and what was scored."""

    rows: dict[str, dict[str, float]]
    """Means of each metric over whole images, by alignment."""
    baseline: dict[str, dict[str, float]]
    """Those of the strongest prediction that ignores the image, by its name; empty without one."""
    interval: tuple[float, float]
    """95 % interval of the mean abs_rel under the first alignment."""
    model: str
    """The scored model, as it was named."""
    protocol: str
    images: int
    published_images: int | None
    truth: str
    """Which true depth, where the data set has several; empty otherwise."""
    split: str
    drives: tuple[str, ...]
    all_frames: bool
    limit: int | None
    factor: float | None
    size: tuple[int, int]
    post_process: bool
    metric: bool
    trained_on: tuple[str, ...]
    """Evaluated drives that the model was trained on."""


def read_figures(file: Path, card: ModelCard) -> Figures:
    """Return the figures of a report in JSON.

    Raises:
        InputError: not a report of `egodepth evaluate` about a model, or one of a model with another unit of depth.
    """
    try:
        figures = _figures(parse_json(read_text(file)))
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror or error}); check the path") from error
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise InputError(
            f"{file}: not a report about a model; give the metrics.json or --json file of egodepth evaluate MODEL"
        ) from error
    if figures.metric != card.metric:
        units = ("up to scale", "in metres")
        raise InputError(
            f"{file}: scored depth {units[figures.metric]}, and this model predicts depth {units[card.metric]}; "
            "evaluate it again"
        )
    return figures


def _figures(content: dict[str, Any]) -> Figures:
    whole = [score for score in content["scores"] if (score["source"], score["part"]) == (MODEL, WHOLE)]
    apart = {"source", "alignment", "part", "images", "intervals"}

    def metrics(score: dict[str, Any]) -> dict[str, float]:
        return {str(name): float(value) for name, value in score.items() if name not in apart}

    constant = [score for score in content["scores"] if score["source"] == content.get("strongest_mean_map")]
    headline = [score for score in constant if (score["alignment"], score["part"]) == (HEADLINE, WHOLE)]
    low, high = map(float, whole[0]["intervals"]["abs_rel"])
    height, width = map(int, content["size"])
    published, limit, factor = content["published_images"], content["limit"], content["factor"]
    return Figures(
        {str(score["alignment"]): metrics(score) for score in whole},
        {f"the same depth for every image ({score['source']}), {HEADLINE}": metrics(score) for score in headline},
        (low, high),
        str(content["model"]),
        str(content["protocol"]),
        int(content["images"]),
        None if published is None else int(published),
        str(content["truth"] or ""),
        str(content["split"]),
        tuple(map(str, content["drives"])),
        bool(content["all_frames"]),
        None if limit is None else int(limit),
        None if factor is None else float(factor),
        (height, width),
        bool(content["post_process"]),
        bool(content["metric"]),
        tuple(map(str, content["evaluated_drives_trained_on"])),
    )


def evaluate_command(figures: Figures, name: str, size: tuple[int, int]) -> str:
    """Return the command that computes the figures of a model of this name and size; `DATA` stands for its folder."""
    benchmark = BENCHMARKS.get(figures.protocol)
    words = ["egodepth", "evaluate", name, "--benchmark", figures.protocol, "--data", "DATA"]
    words += ["--split", figures.split] if figures.split != "test" else []
    words += ["--drives", *figures.drives] if figures.drives != ("*",) else []
    words += ["--all-frames"] if figures.all_frames else []
    words += ["--limit", str(figures.limit)] if figures.limit is not None else []
    is_partial = figures.published_images and figures.limit is None and figures.images < figures.published_images
    words += ["--partial"] if is_partial else []
    if figures.truth not in ("", *get_args(Truth)):
        words += ["--truth-file", PurePath(figures.truth).name]
    elif figures.truth and benchmark and figures.truth != benchmark.truth:
        words += ["--truth", figures.truth]
    words += ["--factor", str(figures.factor)] if figures.factor is not None else []
    words += ["--size", *map(str, figures.size)] if figures.size != size else []
    words += ["--post-process"] if figures.post_process else []
    return shlex.join(words)


def figures_section(figures: Figures, name: str, size: tuple[int, int]) -> str:
    """Return the figures as a section in Markdown: conditions, table, command. `name` and `size` are the model's."""
    first, metrics = next(iter(figures.rows)), list(next(iter(figures.rows.values())))
    published = f" of {figures.published_images} published" if figures.published_images else ""
    mirrored = ", averaged with the mirrored image" if figures.post_process else ""
    low, high = figures.interval
    lines = [
        f"### Protocol `{figures.protocol}`: {figures.images}{published} images",
        "",
        f"{_protocol(figures)} The network runs at {figures.size[1]}x{figures.size[0]}{mirrored}. Each figure is a "
        f"mean over the images. The abs_rel under `{first}` has the 95 % interval {low:.3f} to {high:.3f} (bootstrap "
        "over the images).",
        "",
        f"| alignment | {' | '.join(metrics)} |",
        "|---" * (len(metrics) + 1) + "|",
        *(
            f"| {row} | {' | '.join(f'{value:.3f}' for value in values.values())} |"
            for row, values in (figures.rows | figures.baseline).items()
        ),
        "",
        *(f"- `{row}`: {ALIGNMENTS[row]}" for row in figures.rows if row in ALIGNMENTS),
        "",
        *(f"**The model was trained on this evaluated drive:** {drive}\n" for drive in figures.trained_on),
        "```",
        evaluate_command(figures, name, size),
        "```",
    ]
    return "\n".join(lines)


def _protocol(figures: Figures) -> str:
    """Return the valid pixels and the clamping of the protocol in words."""
    benchmark = BENCHMARKS.get(figures.protocol)
    truth = f"True depth ({PurePath(figures.truth).name})" if figures.truth else "True depth"
    if benchmark is None:
        return f"{truth} counts by rules that this version of egodepth does not know."
    protocol = benchmark.protocol
    counts = f"below {protocol.max_depth:g} m" if protocol.max_depth < inf else "wherever it is known"
    crop = ", ".join(f"{share:.3f}" for share in protocol.crop or ())
    inside = f", inside the region {crop} (top, bottom, left, right, as shares of the image)" if crop else ""
    low, high = protocol.clamp
    return f"{truth} counts {counts}{inside}. Predictions are clamped to {low:g} to {high:g} m."
