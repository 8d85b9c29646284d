"""The folder of an ablation: its owner, its results so far, and the report files."""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from egodepth.config import HOUSEKEEPING, TrainConfig
from egodepth.config.strict_json import flattened, from_json
from egodepth.evaluation.pixels import WHOLE
from egodepth.foundation.errors import InputError
from egodepth.foundation.files import write_text
from egodepth.training.ablation.cells import Cell, Examination, Score, read_score
from egodepth.training.ablation.table import RULE, Row, differences, to_markdown
from egodepth.training.ablation.variants import VARIANTS, trained_as

FORMAT = "egodepth-ablation-1"
_FREE = {"trainer.seed", *HOUSEKEEPING}
"""Fields that may change when an ablation is continued."""


def settings_of(config: TrainConfig, examination: Examination) -> dict[str, Any]:
    """Return all settings that the trainings and scores of an ablation have in common, as plain values."""
    plain = {"config": dataclasses.asdict(config), "examination": dataclasses.asdict(examination)}
    del plain["config"]["trainer"]["seed"]
    return json.loads(json.dumps(plain))


def claim(out: Path, settings: dict[str, Any]) -> None:
    """Claim a folder for this ablation. In an existing one the settings must be equal; seeds and variants may differ.

    Raises:
        InputError: the folder belongs to another ablation, or holds something else.
    """
    file = out / "ablation.json"
    if not file.exists():
        if out.exists() and any(not path.name.startswith(".") for path in out.iterdir()):
            raise InputError(f"{out}: not empty and not an ablation of egodepth; choose another --out")
        write_text(file, json.dumps({"format": FORMAT, **settings}, indent=2) + "\n")
        return
    try:
        old = json.loads(file.read_text())
        if old["format"] != FORMAT:
            raise ValueError(f"format '{old['format']}'")
        # Read as a configuration: a field that the folder lacks has its default.
        config = from_json(TrainConfig, json.dumps(old["config"]), file)
        before = _compared({"config": dataclasses.asdict(config), "examination": old["examination"]})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{file}: not an ablation of this version ({error}); choose another --out") from error
    for name, value in _compared(settings).items():
        if name not in before or before[name] != value:
            raise InputError(
                f"{out}: was started with {name.partition('.')[2]} = {json.dumps(before.get(name))}, "
                f"not {json.dumps(value)}; use the same, or another --out"
            )


def _compared(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the settings that must not change, by their dotted names."""
    flat = flattened(json.loads(json.dumps(settings)))
    return {name: value for name, value in flat.items() if name.removeprefix("config.") not in _FREE}


@dataclass
class Results:
    """The results so far, and the files that report them."""

    out: Path
    settings: dict[str, Any]
    cells: Sequence[Cell]
    names: Sequence[str]
    config: TrainConfig
    untrained: Sequence[Row]

    def finished(self, cell: Cell) -> str:
        """Process a finished cell and return its score as text."""
        self.write()
        return f"abs_rel {read_score(cell.score_file).parts[WHOLE]['abs_rel']:.4f}"

    def rows(self) -> list[Row]:
        """Return the rows with a score. Rows that share a training share its scores."""
        scores: dict[str, dict[int, Score]] = {}
        for cell in self.cells:
            if cell.score_file.exists():
                scores.setdefault(cell.variant, {})[cell.seed] = read_score(cell.score_file)
        owners = {name: trained_as(name, self.config) for name in self.names}
        trained = [Row(name, VARIANTS[name].label, scores[owner]) for name, owner in owners.items() if owner in scores]
        return [*self.untrained, *trained]

    def write(self) -> list[Row]:
        """Write ablation.json and ablation.md, and return the rows."""
        rows = self.rows()
        found = [{**dataclasses.asdict(one), **one.mean._asdict()} for one in differences(rows)]
        results = {"rows": [dataclasses.asdict(row) for row in rows], "differences": found, "rule": RULE}
        text = json.dumps({"format": FORMAT, **self.settings, **results}, indent=2)
        write_text(self.out / "ablation.json", text + "\n")
        write_text(self.out / "ablation.md", to_markdown(rows, self._about(rows)))
        return rows

    def _about(self, rows: Sequence[Row]) -> list[str]:
        data, model, trainer = self.config.data, self.config.model, self.config.trainer
        examination = self.settings["examination"]
        images = next((score.images for row in rows for score in row.scores.values()), 0)
        done = sum(cell.score_file.exists() for cell in self.cells)
        about = (
            f"{done} of {len(self.cells)} trainings of {trainer.steps} steps, batch {trainer.batch_size}, "
            f"{data.size[1]}x{data.size[0]}, encoder {model.encoder}{' (pretrained)' * model.pretrained}, pose network "
            f"{model.pose}{self._known()}, on "
            f"{_base_names(data.path)}; scored on {images} frames of {_base_names(examination['paths'])} "
            f"(protocol {examination['benchmark']})."
        )
        return [about]

    def _known(self) -> str:
        """Return the recipe's prior knowledge about its frames as text."""
        config = self.config
        words = [f"poses {config.data.poses}"] * (config.data.poses != "learned")
        if config.hints.sources:
            words.append(f"hints {' '.join(config.hints.sources)} ({config.hints.rule})")
        return "".join(f", {word}" for word in words)


def _base_names(paths: Sequence[str]) -> str:
    return ", ".join(f"`{Path(path).name}`" for path in paths)
