"""The result of an evaluation: a score for every image, and the tables from them."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from egodepth.evaluation.alignment import HEADLINE, median, scale_spread
from egodepth.evaluation.intervals import Interval, bootstrap_intervals
from egodepth.evaluation.pixels import WHOLE
from egodepth.foundation.files import write_text

METRICS_FILE = "metrics.json"
REPORT_FILES = (METRICS_FILE, "table.md", "per_image.csv")
MODEL = "model"
"""The source of all scores that are not a baseline's."""


class ImageScore(NamedTuple):
    """Metrics of one region of one image."""

    image: str
    source: str
    """`model` or the name of a baseline."""
    alignment: str
    part: str
    pixels: int
    ratio: float
    """Median of the truth over median of the prediction, for the whole image."""
    metrics: dict[str, float]


class MeanScore(NamedTuple):
    """Metrics averaged over the images that have the region, with confidence intervals."""

    source: str
    alignment: str
    part: str
    images: int
    metrics: dict[str, float]
    intervals: dict[str, Interval]
    """Bootstrap intervals over the images."""

    @property
    def label(self) -> str:
        """Label of this row in a table: the model's alignment, the image region, or the baseline."""
        if self.source != MODEL:
            return self.source if self.alignment == HEADLINE else f"{self.source.partition(' (')[0]}, {self.alignment}"
        return self.alignment if self.part == WHOLE else f"{self.part} pixels"

    @property
    def interval_text(self) -> str:
        """The interval of the mean abs_rel; a dash for a single image."""
        low, high = self.intervals["abs_rel"]
        return f"{low:.3f}-{high:.3f}" if self.images > 1 else "-"


@dataclass(frozen=True, kw_only=True)
class Report:
    """All scores of an evaluation. Means are taken over images, as published."""

    protocol: str
    scores: tuple[ImageScore, ...]
    skipped: tuple[str, ...] = ()
    """Images without any valid pixel."""
    about: dict[str, object] = field(default_factory=dict)
    """Further content of the JSON file: model, data, ..."""
    mean_maps: Mapping[str, str] = field(default_factory=dict)
    """The baselines that are mean maps, and the quantity that each averages. Tables show only the strongest."""

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the protocol's metrics."""
        return tuple(self.scores[0].metrics)

    @property
    def ranked(self) -> list[ImageScore]:
        """The model's images under the headline alignment, the best abs_rel first."""
        return sorted(self._of(MODEL, HEADLINE, WHOLE), key=lambda score: score.metrics["abs_rel"])

    @property
    def median_ratio(self) -> float:
        """The factor of the whole set: the median of the per-image ratios."""
        return median([score.ratio for score in self.ranked])

    @property
    def sigma_scale(self) -> float:
        """The spread of the per-image ratios, which per-image alignments hide."""
        return scale_spread([score.ratio for score in self.ranked])

    def mean(self, alignment: str = HEADLINE, part: str = WHOLE, source: str = MODEL) -> dict[str, float]:
        """Return the metrics averaged over images; raises `KeyError` without such a score."""
        chosen = list(self._of(source, alignment, part))
        if not chosen:
            raise KeyError(f"no score of {source}, {alignment}, {part}")
        return {name: sum(score.metrics[name] for score in chosen) / len(chosen) for name in self.metrics}

    def means(self) -> list[MeanScore]:
        """Return the means of every (source, alignment, region) over images, whole images first."""
        return self._means

    @cached_property
    def _means(self) -> list[MeanScore]:
        keys = dict.fromkeys((score.source, score.alignment, score.part) for score in self.scores)
        ordered = sorted(keys, key=lambda key: (key[0] != MODEL, key[2] != WHOLE))
        return [self._mean_score(*key) for key in ordered]

    def _mean_score(self, source: str, alignment: str, part: str) -> MeanScore:
        _, values = self.values_by_image(source, alignment, part)
        intervals = dict(zip(self.metrics, bootstrap_intervals(values), strict=True))
        return MeanScore(source, alignment, part, len(values), self.mean(alignment, part, source), intervals)

    def values_by_image(self, source: str, alignment: str, part: str) -> tuple[list[str], Float[np.ndarray, "n k"]]:
        """Return the names of the images, and their metrics."""
        scores = list(self._of(source, alignment, part))
        return [score.image for score in scores], np.array([[s.metrics[name] for name in self.metrics] for s in scores])

    def table(self) -> list[MeanScore]:
        """Return the rows to show: whole images under every alignment, regions under the headline one.

        Under each alignment only the strongest mean map is shown.
        """
        lines = [score for score in self.means() if score.part == WHOLE or score.alignment == HEADLINE]
        strongest = {alignment: self.strongest_mean_map(alignment) for alignment in {line.alignment for line in lines}}
        return [line for line in lines if line.source not in self.mean_maps or line.source == strongest[line.alignment]]

    def strongest_mean_map(self, alignment: str = HEADLINE) -> str | None:
        """Return the mean map with the smallest abs_rel; None if none was scored."""
        found = [mean for mean in self.means() if mean.source in self.mean_maps and mean.alignment == alignment]
        return min(found, key=lambda mean: mean.metrics["abs_rel"]).source if found else None

    def summary(self) -> dict[str, object]:
        """Return the report as plain values; `scores` holds a flat record for each of `means`."""
        records = [{**score._asdict(), **score.metrics} for score in self.means()]
        for record in records:
            del record["metrics"]
            record["intervals"] = {name: list(interval) for name, interval in record["intervals"].items()}
        return {
            **self.about,
            "protocol": self.protocol,
            "headline": HEADLINE,
            "images": len(self.ranked),
            "skipped": list(self.skipped),
            "median_ratio": self.median_ratio,
            "sigma_scale": self.sigma_scale,
            **({"strongest_mean_map": strongest} if (strongest := self.strongest_mean_map()) else {}),
            "scores": records,
        }

    def to_json(self) -> str:
        """Return `summary` as JSON."""
        return json.dumps(self.summary(), indent=2)

    def to_markdown(self) -> str:
        """Return the table in Markdown, followed by the protocol and sigma_scale."""
        lines = [
            f"| {self.protocol} | " + " | ".join(self.metrics) + " | abs_rel, 95 % | images |",
            "|---" * (len(self.metrics) + 3) + "|",
        ]
        for score in self.table():
            values = " | ".join(f"{score.metrics[name]:.3f}" for name in self.metrics)
            lines.append(f"| {score.label} | {values} | {score.interval_text} | {score.images} |")
        return "\n".join([*lines, "", self.footnote(), ""])

    def footnote(self) -> str:
        """Return one line on the conditions of the table."""
        skipped = f", {len(self.skipped)} skipped without valid pixels" if self.skipped else ""
        published, truth = self.about.get("published_images"), self.about.get("truth")
        share = f" of the {published} published" if published else ""
        against = f" against {truth} depth" if truth else ""
        headline = next(mean for mean in self._means if mean[:3] == (MODEL, HEADLINE, WHOLE))
        strongest = self.strongest_mean_map()
        of = f" {strongest}: the mean of {self.mean_maps[strongest]}, the strongest mean map." if strongest else ""
        return (
            f"Protocol {self.protocol}, {len(self.ranked)}{share} images{against}{skipped}; sigma_scale "
            f"{self.sigma_scale:.3f}, median ratio {self.median_ratio:.4g}; abs_rel under {HEADLINE} "
            f"{headline.metrics['abs_rel']:.3f}, 95 % interval {headline.interval_text} (bootstrap over images). "
            "Parts of images, and baselines unless another alignment is named: "
            f"{HEADLINE}, fitted on the whole image.{of}"
        )

    def to_csv(self) -> str:
        """Return CSV with one line per image, source, alignment and region."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([*ImageScore._fields[:-1], *self.metrics])
        writer.writerows([*score[:-1], *(score.metrics[name] for name in self.metrics)] for score in self.scores)
        return text.getvalue()

    def write(self, folder: Path) -> list[Path]:
        """Write `REPORT_FILES` and return their paths."""
        texts = (self.to_json() + "\n", self.to_markdown(), self.to_csv())
        paths = [folder / name for name in REPORT_FILES]
        for path, text in zip(paths, texts, strict=True):
            write_text(path, text)
        return paths

    def _of(self, source: str, alignment: str, part: str) -> Iterator[ImageScore]:
        wanted = (source, alignment, part)
        return (score for score in self.scores if (score.source, score.alignment, score.part) == wanted)
