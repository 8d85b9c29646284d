"""Results of measurements: figures with their range, and ratios with their targets."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from egodepth.foundation.errors import InputError
from egodepth.foundation.reading import read_json

FORMAT, _ROWS_FORMAT = "egodepth-benchmark-2", "egodepth-benchmark-1"
"""Format of new files, and of older files, whose figures are rows without names; both can be read."""


class Figure(NamedTuple):
    """A quantity measured several times in one run."""

    name: str
    unit: str
    median: float
    low: float
    high: float

    @classmethod
    def of(cls, name: str, unit: str, values: Sequence[float]) -> "Figure":
        """Return the median and the range of at least one value."""
        return cls(name, unit, statistics.median(values), min(values), max(values))


class Ratio(NamedTuple):
    """Ratio of two figures of one run; on a shared machine, only ratios are comparable."""

    name: str
    value: float
    mark: float
    """Target of the ratio."""
    at_most: bool = False
    """Whether smaller is better."""

    @property
    def reached(self) -> bool:
        """Whether the target is reached."""
        return self.value <= self.mark if self.at_most else self.value >= self.mark


T = TypeVar("T", Figure, Ratio)


@dataclass(frozen=True)
class Result:
    """Result of one measurement."""

    what: str
    conditions: str
    """Size, batch, threads and other conditions that must be equal for a comparison."""
    figures: tuple[Figure, ...]
    ratios: tuple[Ratio, ...] = ()

    def to_json(self) -> str:
        """Return the result as JSON."""
        named = {name: [one._asdict() for one in getattr(self, name)] for name in ("figures", "ratios")}
        return json.dumps({"format": FORMAT, "what": self.what, "conditions": self.conditions, **named}, indent=2)

    def to_markdown(self) -> str:
        """Return the result as a section of the performance page."""
        lines = [
            f"## {self.what}",
            "",
            f"{self.conditions}.",
            "",
            "| figure | median | range | unit |",
            "|---|---|---|---|",
        ]
        lines += [f"| {f.name} | {f.median:.4g} | {f.low:.4g} to {f.high:.4g} | {f.unit} |" for f in self.figures]
        if self.ratios:
            lines += ["", "| ratio | measured | mark | |", "|---|---|---|---|"]
        for ratio in self.ratios:
            bound = "at most" if ratio.at_most else "at least"
            verdict = "reached" if ratio.reached else "missed"
            lines.append(f"| {ratio.name} | {ratio.value:.2f} | {bound} {ratio.mark:g} | {verdict} |")
        return "\n".join([*lines, ""])


def read_result(path: Path) -> Result:
    """Return the result in a file of `to_json`; any other file is an `InputError`."""
    try:
        content = read_json(path)
        if content.pop("format") not in (FORMAT, _ROWS_FORMAT):
            raise ValueError("another format")
        figures = tuple(_checked(_made(Figure, one), 2) for one in content.pop("figures"))
        ratios = tuple(_checked(_made(Ratio, one), 1) for one in content.pop("ratios"))
        return Result(str(content.pop("what")), str(content.pop("conditions")), figures, ratios)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: not a result of egodepth benchmark ({error}); give its --json file") from error


def _made(kind: type[T], one: Any) -> T:
    return kind(**one) if isinstance(one, dict) else kind(*one)


def _checked(found: T, texts: int) -> T:
    """Return `found` if its first `texts` values are texts and the others numbers, else raise `ValueError`."""
    numbers = all(isinstance(value, int | float) for value in found[texts:])
    if not numbers or not all(isinstance(value, str) for value in found[:texts]):
        raise ValueError(f"{found[0]} is not a figure")
    return found
