"""Gather what is known about a model: its card, its run, the licences of what taught it, and its figures."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from egodepth.config import TrainConfig
from egodepth.config.strict_json import from_json
from egodepth.data.opening import kind_of
from egodepth.data.registry import READERS
from egodepth.data.terms import FREE_LICENCES, Terms
from egodepth.foundation.errors import InputError, require
from egodepth.foundation.reading import json_object, read_text
from egodepth.foundation.remote import is_remote, local_folder
from egodepth.inference.publishing.figures import Figures, read_figures
from egodepth.inference.publishing.train_command import without_folder
from egodepth.weights import ModelCard, load_model, model_folder
from egodepth.weights.exported.card import exported_folder
from egodepth.weights.monodepth2 import LICENCE, PUBLISHED

RESTRICTED = "restricted-sources"
"""Name of the licence of a model whose sources are not known to allow commercial use."""
_RANDOM = "random weights"


class Source(NamedTuple):
    """Something that the weights were learned from."""

    role: Literal["data", "teacher", "initial weights"]
    name: str
    terms: Terms

    @property
    def allows(self) -> bool | None:
        """Whether its licence is known to allow commercial use; None if its licence is unknown."""
        return self.terms.licence in FREE_LICENCES if self.terms.licence else None


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known about a model."""

    name: str
    """Its name on the hub: owner/name."""
    folder: Path
    """The model folder."""
    card: ModelCard
    config: TrainConfig | None
    """Configuration of its training; None if the run is not at hand."""
    sources: tuple[Source, ...]
    figures: tuple[Figures, ...]
    chosen_licence: str
    """The licence that its publisher states; empty if none is stated."""

    @property
    def licence(self) -> str:
        """The publisher's licence; else RESTRICTED if a source is not known to allow commercial use; else unknown."""
        bound = any(source.allows is False for source in self.sources)
        return self.chosen_licence or (RESTRICTED if bound else "unknown")

    def remarks(self) -> list[str]:
        """Return what the publisher should know before the upload."""
        bound = [source.name for source in self.sources if source.allows is False]
        lines = []
        if bound:
            lines.append(f"Not known to allow commercial use: {', '.join(bound)}. The card says so.")
        if self.licence == "unknown":
            lines.append("The card states no licence, and others need one to use the model: give --licence.")
        if not self.figures:
            lines.append("The card states no figures: give --report with a report of egodepth evaluate.")
        own = (self.folder.resolve(), self.folder.resolve().parent)
        scored = {each.model for each in self.figures}
        others = {model for model in scored if model != self.name and Path(model).resolve() not in own}
        paths = [text for text in (self.card.started_from, self.card.teacher, self.card.scale.on) if _is_path(text)]
        if paths:
            lines.append(f"config.json will be uploaded with paths of this machine: {', '.join(paths)}.")
        lines += [f"A report is about {model}. Is it this model?" for model in sorted(others)]
        return lines


def _is_path(text: str) -> bool:
    return without_folder(text) != text


def gather(
    model: str | Path, name: str, reports: Sequence[Path] = (), licence: str = "", data_licence: str = ""
) -> Facts:
    """Return what is known about a local model, after a check that it can be loaded.

    Args:
        model: a run folder or a model folder, or a URL of either.
        name: its future name on the hub.
        reports: JSON files of `egodepth evaluate`.
        licence: the licence of the weights, as the hub spells it.
        data_licence: the licence of data that egodepth does not know.

    Raises:
        InputError: no such model, an export, a damaged file, or an unusable name, licence or report.
    """
    require(
        re.fullmatch(r"\w[\w.-]{0,95}/\w[\w.-]{0,95}", name, re.ASCII) is not None and ".." not in name,
        f"'{name}' is no name on the hub; give OWNER/NAME, in letters, digits, -, _ and .",
    )
    require(
        re.fullmatch(r"[a-z0-9.+-]*", licence) is not None,
        f"--licence {licence}: give it as the hub spells it, such as apache-2.0 or cc-by-nc-4.0",
    )
    require(is_remote(model) or Path(model).exists(), f"{model}: no such folder; give a local run or model folder")
    if exported_folder(local_folder(model, "model")):
        raise InputError(f"{model}: is an export; push the model that it was made from, and export that elsewhere")
    folder = model_folder(model)
    card = load_model(folder).card
    config = _run_config(folder)
    return Facts(
        name=name,
        folder=folder,
        card=card,
        config=config,
        sources=(*_data(card, config, data_licence), *_teacher(card), *_initial_weights(card)),
        figures=tuple(read_figures(report, card) for report in reports),
        chosen_licence=licence,
    )


def _run_config(folder: Path) -> TrainConfig | None:
    """Return the configuration of the run that a model folder lies in; None if it lies in none."""
    file = folder.parent / "config.json"
    if folder.name not in ("model", "model_last") or "trainer" not in (json_object(file) or {}):
        return None
    return from_json(TrainConfig, read_text(file), file)


def _data(card: ModelCard, config: TrainConfig | None, licence: str) -> list[Source]:
    """Return the data sets of the training, with `licence` for those whose licence is unknown."""
    kinds = card.data_sets
    if not kinds and config is not None:  # older cards do not name them
        kinds = tuple(dict.fromkeys(kind_of(path) for path in config.data.path if Path(path).is_dir()))
    terms = {reader.name: reader.terms for reader in READERS}
    sources = [Source("data", kind, terms.get(kind, Terms())) for kind in kinds or ("not recorded",)]
    unknown = [source for source in sources if not source.terms.licence]
    require(bool(unknown) or not licence, f"--data-licence: the licences of {', '.join(kinds)} are known; leave it out")
    return [
        source if source.terms.licence else source._replace(terms=source.terms._replace(licence=licence))
        for source in sources
    ]


def _teacher(card: ModelCard) -> list[Source]:
    """Return the teacher; training writes `NAME (licence: LICENCE)`."""
    if not card.teacher:
        return []
    found = re.fullmatch(r"(.*) \(licence: (.*)\)", card.teacher)
    name, licence = (found[1], found[2]) if found else (card.teacher, "unknown")
    return [Source("teacher", str(without_folder(name)), Terms("" if licence == "unknown" else licence))]


def _initial_weights(card: ModelCard) -> list[Source]:
    """Return the initial weights, unless they were random."""
    if card.started_from == _RANDOM:
        return []
    licence = LICENCE if PUBLISHED in card.started_from else ""
    return [Source("initial weights", str(without_folder(card.started_from)) or "not recorded", Terms(licence))]
