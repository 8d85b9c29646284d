"""Compare two models image by image."""

import json
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from egodepth.evaluation.alignment import HEADLINE
from egodepth.evaluation.intervals import Interval, bootstrap_intervals
from egodepth.evaluation.metrics import SHARES
from egodepth.evaluation.pixels import WHOLE
from egodepth.evaluation.report import MODEL, Report
from egodepth.foundation.errors import InputError


class PairedLine(NamedTuple):
    """One metric of two models."""

    alignment: str
    metric: str
    first: float
    second: float
    interval: Interval
    """Interval of the mean difference, second minus first."""
    images_better: int
    """Number of images on which the second is better."""

    @property
    def better(self) -> str:
        """The better one, if the interval excludes zero: `first`, `second` or `neither`."""
        if not self.interval.excludes_zero:
            return "neither"
        return "second" if (self.second > self.first) == (self.metric in SHARES) else "first"


@dataclass(frozen=True)
class PairedComparison:
    """All metrics of two models under two alignments."""

    protocol: str
    images: int
    lines: tuple[PairedLine, ...]

    def to_json(self) -> str:
        """Return the comparison as JSON."""
        lines = [{**line._asdict(), "interval": list(line.interval), "better": line.better} for line in self.lines]
        return json.dumps({"protocol": self.protocol, "images": self.images, "lines": lines}, indent=2)


def compare(first: Report, second: Report) -> PairedComparison:
    """Compare whole images under no alignment and under the headline alignment.

    Raises:
        InputError: the two were not scored on the same images.
    """
    lines: list[PairedLine] = []
    images = 0
    for alignment in ("none", HEADLINE):
        names, before = first.values_by_image(MODEL, alignment, WHOLE)
        same_names, after = second.values_by_image(MODEL, alignment, WHOLE)
        if names != same_names:
            raise InputError("the two models were not scored on the same images; evaluate them in one command")
        images = len(names)
        difference = after - before
        for position, (metric, interval) in enumerate(zip(first.metrics, bootstrap_intervals(difference), strict=True)):
            better = difference[:, position] > 0 if metric in SHARES else difference[:, position] < 0
            means = [float(np.mean(values[:, position])) for values in (before, after)]
            lines.append(PairedLine(alignment, metric, means[0], means[1], interval, int(better.sum())))
    return PairedComparison(first.protocol, images, tuple(lines))
