"""The results of an ablation: means over seeds, and differences between rows seed by seed."""

import re
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from egodepth.evaluation.pixels import WHOLE
from egodepth.training.ablation.cells import Score
from egodepth.training.ablation.variants import BASELINE, FULL, VARIANTS

RULE = (
    "A difference counts as beyond the spread if all seeds agree in its sign and its mean is more than twice its "
    "standard error, 2 std / sqrt(n)."
)
WITHIN = "within the spread"


class Column(NamedTuple):
    """A metric of the table."""

    metric: str
    part: str
    lower_is_better: bool = True

    @property
    def heading(self) -> str:
        """Heading of the column."""
        return self.metric if self.metric == "sigma_scale" else f"{self.metric} {self.part}"

    def of(self, score: Score) -> float | None:
        """Return the metric of a score; None if the test frames have no such pixels."""
        if self.metric == "sigma_scale":
            return score.sigma_scale
        return score.parts.get(self.part, {}).get(self.metric)


COLUMNS = (
    *(Column("abs_rel", part) for part in (WHOLE, "moving", "occluded", "textureless")),
    Column("rmse", WHOLE),
    Column("a1", WHOLE, lower_is_better=False),
    Column("sigma_scale", WHOLE),
)


@dataclass(frozen=True)
class Row:
    """A variant, or a baseline without training."""

    name: str
    label: str
    scores: Mapping[int, Score]
    """Scores by seed; a single one without training."""
    trained: bool = True

    def values(self, column: Column) -> list[float]:
        """Return the column's values, one per seed."""
        return [value for score in self.scores.values() if (value := column.of(score)) is not None]


class Mean(NamedTuple):
    """Mean and sample standard deviation over seeds."""

    mean: float
    std: float | None
    """None with one seed."""

    def text(self, form: str = ".3f") -> str:
        """Return the text for a table, without zeros before the decimal point, as in published tables."""
        mean = _short(format(self.mean, form))
        return mean if self.std is None else f"{mean} ± {_short(format(self.std, form.lstrip('+')))}"


def _short(number: str) -> str:
    return re.sub(r"^([+-]?)0\.", r"\1.", number)


def mean_of(values: Sequence[float]) -> Mean:
    """Return the mean over seeds of at least one value."""
    return Mean(statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None)


@dataclass(frozen=True)
class Difference:
    """abs_rel of a row minus that of its reference row, trained with the same seeds."""

    name: str
    label: str
    against: str
    part: str
    pixels: str
    values: tuple[float, ...]
    """One value per seed."""
    verdict: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "verdict", self._verdict())

    @property
    def mean(self) -> Mean:
        """Mean over the seeds."""
        return mean_of(self.values)

    @property
    def is_beyond_spread(self) -> bool:
        """Whether the difference is significant by `RULE`; never with one seed."""
        mean, std = self.mean
        agree = all(value > 0 for value in self.values) or all(value < 0 for value in self.values)
        return std is not None and agree and abs(mean) > 2 * std / len(self.values) ** 0.5

    def _verdict(self) -> str:
        if len(self.values) == 1:
            return "one seed: no spread to compare with"
        if not self.is_beyond_spread:
            return WITHIN
        is_better = self.mean.mean < 0
        if not self.part:
            return "better" if is_better else "worse"
        # Compared with the baseline the row adds the part; compared with full it removes the part.
        return f"{self.part} {'helps' if is_better == (self.against == BASELINE) else 'hurts'}"


def differences(rows: Sequence[Row]) -> list[Difference]:
    """Compare every row with its reference: on the pixels that its part addresses, then on all."""
    by_name = {row.name: row for row in rows}
    found = []
    for row in rows:
        variant = VARIANTS.get(row.name)
        if variant is None or variant.against not in by_name or row.scores is by_name[variant.against].scores:
            continue
        for pixels in dict.fromkeys((variant.pixels, WHOLE)):
            values = _paired(row, by_name[variant.against], Column("abs_rel", pixels))
            if values:
                found.append(Difference(row.name, row.label, variant.against, variant.part, pixels, values))
    return found


def _paired(row: Row, other: Row, column: Column) -> tuple[float, ...]:
    """Return row minus other, for the seeds that both have."""
    pairs = [
        (column.of(score), column.of(other.scores[seed])) for seed, score in row.scores.items() if seed in other.scores
    ]
    return tuple(a - b for a, b in pairs if a is not None and b is not None)


def columns_of(rows: Sequence[Row]) -> list[Column]:
    """Return the columns for which the test frames have pixels."""
    return [column for column in COLUMNS if any(row.values(column) for row in rows)]


Cells = list[list[str]]


def main_table(rows: Sequence[Row], bold: Callable[[str], str], label: Callable[[Row], str]) -> Cells:
    """Return heading and lines of the table of means, with the best trained row of each column marked."""
    columns = columns_of(rows)
    best = {column: _best(rows, column) for column in columns}
    lines = [["", *(column.heading for column in columns)]]
    for row in rows:
        line = [label(row)]
        for column in columns:
            values = row.values(column)
            text = mean_of(values).text() if values else "-"
            line.append(bold(text) if values and row.trained and mean_of(values).mean == best[column] else text)
        lines.append(line)
    return lines


def _best(rows: Sequence[Row], column: Column) -> float | None:
    means = [mean_of(values).mean for row in rows if row.trained and (values := row.values(column))]
    return (min if column.lower_is_better else max)(means) if means else None


def difference_table(found: Sequence[Difference]) -> Cells:
    """Return heading and lines of the table of differences."""
    lines = [["", "against", "pixels", "abs_rel difference", "seed by seed", "verdict"]]
    for one in found:
        each = " ".join(_short(f"{value:+.4f}") for value in one.values)
        lines.append([one.label, one.against, one.pixels, one.mean.text("+.4f"), each, one.verdict])
    return lines


def about_mean_map(rows: Sequence[Row]) -> str:
    """Return a sentence about the mean map in the table; empty if there is none, or if its kind is unknown."""
    averaged = next((score.averaged for row in rows for score in row.scores.values() if score.averaged), "")
    if not averaged:
        return ""
    return f"Mean map: the strongest of all ways to average the training set's depth, the mean of {averaged}."


def to_markdown(rows: Sequence[Row], about: Sequence[str]) -> str:
    """Return the whole report."""
    seeds = max((len(row.scores) for row in rows if row.trained), default=0)
    parts = ["# Ablation", *about, _markdown(main_table(rows, lambda text: f"**{text}**", lambda row: row.label))]
    over = f"Mean ± standard deviation over up to {seeds} seeds" if seeds > 1 else "One seed, so no spread"
    parts.append(
        f"{over}; best trained row in bold. Depth under per-image median alignment, last model of each training."
    )
    parts += [sentence] if (sentence := about_mean_map(rows)) else []
    same = [row for row in rows if row.name != FULL and any(row.scores is r.scores for r in rows if r.name == FULL)]
    if same:
        parts.append(f"{', '.join(row.label for row in same)}: equal to the recipe, so the same as `{FULL}`.")
    found = differences(rows)
    if found:
        parts += ["## Differences, seed by seed", _markdown(difference_table(found)), RULE]
    return "\n\n".join(parts) + "\n"


def _markdown(lines: Cells) -> str:
    heading, *rest = (f"| {' | '.join(line)} |" for line in lines)
    return "\n".join([heading, "|---" * len(lines[0]) + "|", *rest])
